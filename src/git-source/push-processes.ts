// Which processes on this machine still receive a push into a repository, and the wait for their end. A CCM that was killed leaves its
// receive-pack running for a moment: it notices that nobody talks to it, but it may be moving refs just then.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** In the environment of receive-pack, and so of everything that it starts. */
export const pushMark = { TREECAST_PUSH: '1' } as const;

const pollMs = 20;
const patienceMs = 5_000;

/** Ids of receive-pack and what it started: they carry our mark and work in the repository's directory. */
export async function pushProcesses(repositoryPath: string): Promise<number[]> {
  const directory = await realpath(repositoryPath);
  return [...markedProcesses()].filter(([, where]) => where === directory).map(([id]) => id);
}

/** Directories that pushes are being received into. One look at all processes: with a thousand repositories, a look for each would take a start long. */
export function pushDirectories(): ReadonlySet<string> {
  return new Set(markedProcesses().values());
}

/** By id, with the directory that each works in. */
function markedProcesses(): Map<number, string> {
  const found = new Map<number, string>();
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${id}/environ`, 'latin1');
      if (environment.split('\0').includes('TREECAST_PUSH=1'))
        found.set(Number(id), readlinkSync(`/proc/${id}/cwd`));
    } catch {
      // It ended meanwhile, or it is another user's and not ours.
    }
  }
  return found;
}

/** Resolves when there is none left; who is still there after 5 s waits for something that will not come, and is killed. */
export async function endedPushProcesses(repositoryPath: string): Promise<void> {
  const patientUntil = performance.now() + patienceMs;
  for (;;) {
    const left = await pushProcesses(repositoryPath);
    if (left.length === 0) return;
    if (performance.now() > patientUntil) left.forEach(kill);
    await delay(pollMs);
  }
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
