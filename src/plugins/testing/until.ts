// Waits in tests for what another party brings about and tells by no event: the condition is asked again and again, up to a bound.

import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

const limitDefaultMs = 15_000;
/** So long it is asked each turn of the event loop; then now and then, so that other processes get the processor. */
const eagerMs = 100;
const pauseMs = 10;

/** Throws `waited … in vain until <what>` after `limitMs` (15 s), and what the condition throws at once. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitMs: number = limitDefaultMs,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > limitMs)
      throw new Error(`waited ${limitMs / 1000} s in vain until ${typeof what === 'string' ? what : what()}`);
    await (waitedMs < eagerMs ? nextTurn() : pause(pauseMs));
  }
}
