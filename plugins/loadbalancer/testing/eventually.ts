// Waits in tests for a condition of another process, which tells no event; fails after a bound.

import { setTimeout as pause } from 'node:timers/promises';

const boundMs = 15_000;

export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + boundMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await pause(15);
  }
}
