// How reliable a node has been (R5.2): the part of its last ten minutes in which it ran and was reached. What it did before it was started counts
// as not running, so that one that comes and goes leads last.

import type { Clock } from '../../net/clock.ts';

export interface Reliability {
  /** Called now and then: whether it is reached. */
  note(isReached: boolean): void;
  /** From 0 to 1. */
  share(): number;
}

const memoryMs = 600_000;

export function createReliability(clock: Clock): Reliability {
  let reachedMs = 0;
  let wasReached = true;
  let at = clock.now();

  function pass(): void {
    const now = clock.now();
    const passedMs = Math.min(now - at, memoryMs);
    const kept = reachedMs * (1 - passedMs / memoryMs);
    reachedMs = wasReached ? kept + passedMs : kept;
    at = now;
  }

  return {
    note(isReached) {
      pass();
      wasReached = isReached;
    },
    share() {
      pass();
      return Math.min(1, reachedMs / memoryMs);
    },
  };
}
