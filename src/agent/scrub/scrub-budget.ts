// What re-reading may cost on this node, all its sites together: bytes a second, and each entry counts as some bytes too.

import { type Clock, delay } from '../../net/clock.ts';

export interface ScrubBudget {
  /** Takes note of bytes that were read, or of an entry (0); what it returns is waited for. */
  spend(bytes: number, signal: AbortSignal): Promise<void> | undefined;
}

/** Opening and looking at a file costs about as much as reading this much. */
const entryBytes = 32_768;
/** Shorter waits are added up. */
const pauseMinMs = 50;
/** Whatever a clock does that is set back. */
const pauseMaxMs = 10_000;

/** `onSpent` hears of everything that is read. */
export function createScrubBudget(bytesPerSecond: number, clock: Clock, onSpent?: () => void): ScrubBudget {
  let freeAt = 0;
  return {
    spend(bytes, signal) {
      onSpent?.();
      const now = clock.now();
      const costMs = ((bytes === 0 ? entryBytes : bytes) / bytesPerSecond) * 1_000;
      freeAt = Math.min(Math.max(freeAt, now) + costMs, now + pauseMaxMs);
      const pauseMs = freeAt - now;
      return pauseMs < pauseMinMs ? undefined : delay(clock, pauseMs, signal);
    },
  };
}
