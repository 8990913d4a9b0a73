// The CCM's time as a node knows it: what the last welcome said, and what has passed since by a clock that nobody sets (KEYS-12).

import type { Clock } from './clock.ts';

export interface CcmTime {
  /** A welcome said so. Returns by how much this machine's clock is ahead of it, in milliseconds. */
  heard(ccmTime: number): number;
  /** Milliseconds since 1970; this machine's own clock until the CCM was heard. */
  now(): number;
}

/** `monotonicMs` counts milliseconds from any beginning and is never set. */
export function createCcmTime(
  clock: Pick<Clock, 'now'>,
  monotonicMs: () => number = () => performance.now(),
): CcmTime {
  let offsetMs: number | undefined;
  return {
    heard(ccmTime) {
      offsetMs = ccmTime - monotonicMs();
      return clock.now() - ccmTime;
    },
    now: () => (offsetMs === undefined ? clock.now() : Math.round(offsetMs + monotonicMs())),
  };
}
