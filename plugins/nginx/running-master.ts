// The nginx that runs: its master process and its workers, as /proc shows them. Signals nobody.

import { readdir, readFile } from 'node:fs/promises';

export interface RunningMaster {
  readonly pid: number;
  /** Workers that take requests: not those that are shutting down. */
  workers(): Promise<ReadonlySet<number>>;
}

/** Null when the file names no process that is nginx. */
export async function findRunningMaster(pidFile: string): Promise<RunningMaster | null> {
  const pid = Number((await textOf(pidFile)).trim());
  if (!Number.isInteger(pid) || pid <= 1) return null;
  if (!(await titleOf(pid)).includes('nginx')) return null;
  return {
    pid,
    workers: async () => {
      const found = new Set<number>();
      for (const child of await childrenOf(pid)) {
        const title = await titleOf(child);
        if (title.includes('worker process') && !title.includes('shutting down')) found.add(child);
      }
      return found;
    },
  };
}

async function titleOf(pid: number): Promise<string> {
  return (await textOf(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ');
}

async function childrenOf(pid: number): Promise<number[]> {
  const listed = await textOf(`/proc/${pid}/task/${pid}/children`);
  if (listed !== '') return listed.trim().split(' ').map(Number);
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The name in parentheses may hold anything; what follows it is state and parent.
    const parent = /\) \S (\d+)/.exec(await textOf(`/proc/${name}/stat`))?.[1];
    if (Number(parent) === pid) found.push(Number(name));
  }
  return found;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return '';
  }
}
