// Work over a whole diff, cut into slices so that half a million changes do not stall the event loop: a generator that yields between
// slices is run to its end at once (runAtOnce, where nothing else waits) or a few milliseconds at a time (runInSlices).

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Changes handled between two yields: about 2 ms. */
export const sliceChanges = 1024;
const sliceMs = 8;

export function runAtOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export async function runInSlices<T>(steps: Generator<void, T>): Promise<T> {
  let endMs = performance.now() + sliceMs;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < endMs) continue;
    await nextTurn();
    endMs = performance.now() + sliceMs;
  }
}
