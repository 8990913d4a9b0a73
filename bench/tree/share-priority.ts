// `nice -n -15 npm run bench -- tree` on a machine with other work: agents make themselves no more than normal programs, so they are given the benchmark's
// own priority again.

import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Of each thread; what starts later inherits it. */
export function sharePriority(pids: readonly number[]): void {
  const own = getPriority();
  if (own >= 0) return;
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), own);
}
