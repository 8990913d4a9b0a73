// A clock whose time passes only when a test says so.

import type { Clock } from '../clock.ts';

export interface ManualClock extends Clock {
  /** Lets that much time pass, calling back what falls due, in order. */
  advance(milliseconds: number): void;
  /** Times, from now, of what waits. */
  waiting(): number[];
}

export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(milliseconds) {
      const end = now + milliseconds;
      while (true) {
        const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
    waiting: () => timers.map(({ at }) => at - now).sort((a, b) => a - b),
  };
}
