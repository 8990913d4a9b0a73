// Which processes on this machine still receive a push into a repository, and the wait for their end. A CCM that was killed leaves its
// receive-pack running for a moment: it notices that nobody talks to it, but it may be moving refs just then.

import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** In the environment of receive-pack, and so of everything that it starts. */
export const pushMark = { TREECAST_PUSH: '1' } as const;

const pollMs = 20;
const patienceMs = 5_000;

/** Ids of receive-pack and what it started: they carry our mark and work in the repository's directory. */
export async function pushProcesses(repositoryPath: string): Promise<number[]> {
  const directory = await realpath(repositoryPath);
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const id of ids) {
    // Those of other users cannot be asked, and are not ours.
    if ((await readlink(`/proc/${id}/cwd`).catch(() => '')) !== directory) continue;
    const environment = await readFile(`/proc/${id}/environ`, 'latin1').catch(() => '');
    if (environment.split('\0').includes('TREECAST_PUSH=1')) found.push(Number(id));
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
