// Within which time things must be settled once nothing disturbs a segment any more, made of its timing (docs/spec/simulator.md).

import type { SegmentTiming } from '../../model/segment.ts';

export interface SegmentBounds {
  /** From a start of all nodes at once to a leader with whom they are registered. */
  readonly coldStartMs: number;
  /** Two leaders that hear each other: one of them yields. */
  readonly rivalsMs: number;
  /** A leader that all follow. */
  readonly leaderMs: number;
  /** Everybody is registered with it. */
  readonly registeredMs: number;
  /** The CCM accepts it, and lists exactly those that are there as online. */
  readonly ccmMs: number;
  /** From a killed leader to one that the CCM has accepted. */
  readonly failoverMs: number;
}

/** A broken link to the CCM is noticed, and made anew. */
const linkMs = 4500;

export function segmentBounds(timing: SegmentTiming): SegmentBounds {
  const roundMs = timing.claimDelayMaxMs + timing.windowMs;
  const leaderMs = timing.lostMs + roundMs + timing.concedeMs + roundMs + 4 * timing.aliveMs;
  const registeredMs = leaderMs + timing.quietMaxMs + 2 * (timing.retryMs + timing.retryRandomMs);
  return {
    coldStartMs: 5000,
    rivalsMs: 4 * timing.aliveMs + timing.concedeMs + 2 * timing.windowMs,
    leaderMs,
    registeredMs,
    ccmMs: leaderMs + timing.offlineMs + timing.quietMaxMs + linkMs,
    failoverMs: 5000,
  };
}
