// Waits for a condition, looking again and again; says what it waited for when it never came true.

import { setTimeout } from 'node:timers';

export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise<void>((settle) => {
      setTimeout(settle, 20);
    });
  }
}
