// What is wrong with a segment's timers (ELEC-30): each against its limits, then against each other. The presets have no problems.

import type { SegmentTiming } from '../../model/segment.ts';
import { timerLimits } from './timing.ts';

type Timer = keyof SegmentTiming;

/** The first is at least so many times the second. */
const proportions: readonly (readonly [Timer, number, Timer])[] = [
  ['triggerMinMs', 3, 'aliveMs'],
  ['lostMs', 1, 'triggerMinMs'],
  ['listenMs', 2, 'aliveMs'],
  ['claimDelayMaxMs', 1, 'claimDelayMinMs'],
  ['concedeMs', 1, 'windowMs'],
  ['quietMaxMs', 1, 'quietMs'],
  ['silentMs', 2, 'hereMs'],
  // So that there is time to ask whoever is silent, several times.
  ['offlineMs', 1.2, 'silentMs'],
  ['offlineMs', 1, 'lostMs'],
];

/** One sentence each; none: they may be used. */
export function timingProblems(timing: SegmentTiming): string[] {
  const beyond = (Object.keys(timerLimits) as Timer[]).flatMap((timer) => {
    const { minMs, maxMs } = timerLimits[timer];
    const value = timing[timer];
    return value >= minMs && value <= maxMs ? [] : [`${timer} is ${value}; it is from ${minMs} to ${maxMs}`];
  });
  const uneven = proportions.flatMap(([long, times, short]) =>
    timing[long] >= times * timing[short]
      ? []
      : [
          `${long} is ${timing[long]}; it is at least ${times > 1 ? `${times} times ` : ''}${short}, which is ${timing[short]}`,
        ],
  );
  const rangeMs = timing.claimDelayMaxMs - timing.claimDelayMinMs;
  return [
    ...beyond,
    ...uneven,
    ...(timing.windowMs > rangeMs
      ? []
      : [`windowMs is ${timing.windowMs}; it is longer than the claim delays differ, ${rangeMs}`]),
  ];
}
