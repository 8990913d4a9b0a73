// How long to wait before the next try: doubling, with jitter, between two bounds.

export interface Backoff {
  /** Milliseconds to wait now; grows with every call. */
  next(): number;
  /** After a success. */
  reset(): void;
}

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export function createBackoff({ minMs, maxMs, random }: BackoffOptions): Backoff {
  let boundMs = minMs;
  return {
    next() {
      const waitMs = Math.max(minMs, Math.round(boundMs * (0.5 + random() / 2)));
      boundMs = Math.min(maxMs, boundMs * 2);
      return waitMs;
    },
    reset() {
      boundMs = minMs;
    },
  };
}
