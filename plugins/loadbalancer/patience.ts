// A balancer that is being reloaded or restarted does not answer for a moment: what asks it tries again for a short time.

import { setTimeout as pause } from 'node:timers/promises';
import { BalancerAway } from './balancer-away.ts';

/** For what will be asked again soon anyway. */
export const shortPatienceMs = 1_000;
const patienceMs = 2_500;
const retryMs = 150;

/** Whether asking again can help. */
export function isPassing(error: unknown, signal: AbortSignal): boolean {
  return !signal.aborted && error instanceof BalancerAway;
}

/** What it is given may be called several times. */
export function createPatience(
  signal: AbortSignal,
  limitMs = patienceMs,
): <T>(ask: () => Promise<T>) => Promise<T> {
  return async (ask) => {
    const deadline = performance.now() + limitMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!isPassing(error, signal) || performance.now() >= deadline) throw error;
      }
      await pause(retryMs, undefined, { signal }).catch(() => undefined);
    }
  };
}
