// The presets of a segment's timers, and between what each may be set (ELEC-30). All in milliseconds.

import type { SegmentTiming, TimingPreset } from '../../model/segment.ts';

export const segmentTimings: Readonly<Record<TimingPreset, SegmentTiming>> = {
  fast: {
    aliveMs: 500,
    lostMs: 3000,
    triggerMinMs: 3000,
    listenMs: 1200,
    claimDelayMinMs: 100,
    claimDelayMaxMs: 400,
    windowMs: 600,
    concedeMs: 1500,
    quietMs: 300,
    quietMaxMs: 2000,
    retryMs: 200,
    retryRandomMs: 300,
    hereMs: 1500,
    silentMs: 4000,
    offlineMs: 6000,
    reportMs: 10_000,
  },
  /** R5.1's figures. */
  classic: {
    aliveMs: 1000,
    lostMs: 5000,
    triggerMinMs: 5000,
    listenMs: 5000,
    claimDelayMinMs: 100,
    claimDelayMaxMs: 10_000,
    windowMs: 15_000,
    concedeMs: 20_000,
    quietMs: 2000,
    quietMaxMs: 10_000,
    retryMs: 2000,
    retryRandomMs: 1000,
    hereMs: 5000,
    silentMs: 15_000,
    offlineMs: 30_000,
    reportMs: 60_000,
  },
};

export interface TimerLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export const timerLimits: Readonly<Record<keyof SegmentTiming, TimerLimits>> = {
  aliveMs: { minMs: 100, maxMs: 10_000 },
  lostMs: { minMs: 500, maxMs: 120_000 },
  triggerMinMs: { minMs: 500, maxMs: 120_000 },
  listenMs: { minMs: 200, maxMs: 120_000 },
  claimDelayMinMs: { minMs: 10, maxMs: 10_000 },
  claimDelayMaxMs: { minMs: 50, maxMs: 60_000 },
  windowMs: { minMs: 100, maxMs: 60_000 },
  concedeMs: { minMs: 200, maxMs: 120_000 },
  quietMs: { minMs: 50, maxMs: 30_000 },
  quietMaxMs: { minMs: 100, maxMs: 60_000 },
  retryMs: { minMs: 50, maxMs: 30_000 },
  retryRandomMs: { minMs: 10, maxMs: 1000 },
  hereMs: { minMs: 200, maxMs: 60_000 },
  silentMs: { minMs: 500, maxMs: 300_000 },
  offlineMs: { minMs: 1000, maxMs: 600_000 },
  reportMs: { minMs: 1000, maxMs: 3_600_000 },
};
