// A token bucket: what a limit lets through until now. Pure; who waits, and how long, is the pacer's.

export interface TokenBucket {
  /** Null: no limit. */
  readonly bytesPerSecond: number | null;
  /** May be sent now; below zero: sent ahead, and to be waited for. */
  readonly credit: number;
  /** Of the credit; milliseconds. */
  readonly at: number;
}

/** What a bucket saves while nobody waits: little beside what a second brings. */
const idleMs = 40;
/** What it brings while somebody waits, and the timer or the machine is late: it was wanted. */
const lateMs = 250;

/** Full of nothing: whoever changes limits often gains nothing by it. */
export function createBucket(bytesPerSecond: number | null, now: number): TokenBucket {
  return { bytesPerSecond, credit: 0, at: now };
}

/** `isWanted`: somebody waited for it. */
export function filled(bucket: TokenBucket, now: number, isWanted: boolean): TokenBucket {
  const { bytesPerSecond, credit, at } = bucket;
  // A clock that went back brings nothing, and takes nothing.
  if (bytesPerSecond === null || now <= at) return { ...bucket, at: now };
  const most = (bytesPerSecond * (isWanted ? lateMs : idleMs)) / 1_000;
  const grown = credit + (bytesPerSecond * (now - at)) / 1_000;
  return { bytesPerSecond, credit: Math.max(credit, Math.min(most, grown)), at: now };
}

/** From now on; what was sent ahead under the former limit is waited for by the new one. */
export function withRate(bucket: TokenBucket, bytesPerSecond: number | null, now: number): TokenBucket {
  if (bytesPerSecond === bucket.bytesPerSecond) return bucket;
  const { credit } = filled(bucket, now, false);
  return { bytesPerSecond, credit: bytesPerSecond === null ? 0 : Math.min(0, credit), at: now };
}

/** Of a bucket that is filled up to now. */
export function hasCredit({ bytesPerSecond, credit }: TokenBucket): boolean {
  return bytesPerSecond === null || credit > 0;
}

/** Whoever may take takes all it needs; the rest of it is waited for afterwards. */
export function taken(bucket: TokenBucket, bytes: number): TokenBucket {
  return bucket.bytesPerSecond === null ? bucket : { ...bucket, credit: bucket.credit - bytes };
}

/** Until there is credit; 0: there is some. */
export function waitMs({ bytesPerSecond, credit }: TokenBucket): number {
  if (bytesPerSecond === null || credit > 0) return 0;
  return Math.max(1, Math.ceil((1_000 * (1 - credit)) / bytesPerSecond));
}
