// The worker processes of one nginx, from /proc: which serve, and which only end their connections after a reload. nginx says so in the
// titles of its processes; there is no other way to ask it.

import { readdir, readFile } from 'node:fs/promises';
import { PluginError } from 'treecast/plugin';

export interface NginxWorkers {
  readonly master: number;
  readonly serving: readonly number[];
  readonly ending: readonly number[];
}

/** Null when nginx does not run. */
export async function readNginxWorkers(pidFile: string): Promise<NginxWorkers | null> {
  const master = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());
  if (!Number.isSafeInteger(master) || master < 2) return null;
  if (!(await titleOf(master)).startsWith('nginx: master')) return null;
  const serving: number[] = [];
  const ending: number[] = [];
  for (const pid of await childrenOf(master)) {
    const title = await titleOf(pid);
    if (title === 'nginx: worker process is shutting down') ending.push(pid);
    else if (title === 'nginx: worker process') serving.push(pid);
  }
  return { master, serving, ending };
}

/** Ends those that only end their connections, and with them whatever connections they have. */
export async function endWorkers(pidFile: string): Promise<void> {
  const workers = await readNginxWorkers(pidFile);
  for (const pid of workers?.ending ?? []) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ESRCH') continue;
      throw new PluginError(`worker ${pid} of nginx may not be ended`, {
        cause,
        fix: 'Run Treecast as a user that may, or set `worker_shutdown_timeout` in nginx.conf and `drain.afterwards: hold`.',
        retryable: false,
      });
    }
  }
}

async function titleOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text.replace(/[\0 ]+$/, '');
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const listed = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => null);
  if (listed !== null) return listed.split(' ').filter(Boolean).map(Number);
  // A kernel without CONFIG_PROC_CHILDREN: every process says who its parent is.
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, at) => parents[at] === parent).map(Number);
}

async function parentOf(pid: string): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold spaces and parentheses itself.
  const parent = text.slice(text.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? undefined : Number(parent);
}
