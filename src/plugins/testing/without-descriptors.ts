// For tests: a while in which this process has no file descriptor to give, as at the end of `LimitNOFILE`.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

const fewEnough = '1024';

export async function withoutDescriptors(work: () => Promise<void>): Promise<void> {
  const of = `--pid=${process.pid}`;
  const before = String(execFileSync('prlimit', [of, '--nofile', '--output=SOFT', '--noheadings'])).trim();
  execFileSync('prlimit', [of, `--nofile=${fewEnough}:`]);
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // All are taken.
  }
  try {
    await work();
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
    execFileSync('prlimit', [of, `--nofile=${before}:`]);
  }
}
