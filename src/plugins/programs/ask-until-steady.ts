// Whether a service works after it was restarted or reloaded: a program that judges it is asked until it says so, and once more after a
// while, for services that start and then die. What follows from the answer is the plugin's.

import { setTimeout as pause } from 'node:timers/promises';
import type { ExecResult } from '../api/plugin-host.ts';

export interface SteadyOptions {
  /** So long a bad answer may become a good one. */
  readonly waitSeconds: number;
  /** So long after the first good answer it is asked again; 0: not. */
  readonly steadySeconds: number;
  readonly signal: AbortSignal | undefined;
}

const askAgainMs = 200;

/** Resolves with the answer that counts; exit code 0 is a good one. */
export async function askUntilSteady(
  ask: () => Promise<ExecResult>,
  { waitSeconds, steadySeconds, signal }: SteadyOptions,
): Promise<ExecResult> {
  const options = signal === undefined ? {} : { signal };
  const until = performance.now() + waitSeconds * 1000;
  let answer = await ask();
  while (answer.code !== 0 && performance.now() < until) {
    await pause(askAgainMs, undefined, options);
    answer = await ask();
  }
  if (answer.code === 0 && steadySeconds > 0) {
    await pause(steadySeconds * 1000, undefined, options);
    answer = await ask();
  }
  return answer;
}
