// Which worker processes of Apache still take connections by a former configuration. After a graceful reload they stop, but not in the
// same moment as the new ones begin. Linux: it looks at /proc.

import { readdir, readFile, readlink } from 'node:fs/promises';

export interface Worker {
  readonly pid: number;
  /** With the process id it names one process for ever. */
  readonly startedAt: string;
}

export async function workersOf(master: number): Promise<Worker[]> {
  const found: Worker[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const facts = await factsOf(Number(name));
    if (facts?.parent === master) found.push({ pid: Number(name), startedAt: facts.startedAt });
  }
  return found;
}

/** It is there, is a child of the master, and shares a socket with it; when that cannot be seen, being there is enough. */
export async function takesConnections(worker: Worker, master: number): Promise<boolean> {
  const facts = await factsOf(worker.pid);
  if (facts === null || facts.startedAt !== worker.startedAt || facts.state === 'Z') return false;
  const [own, listeners] = await Promise.all([socketsOf(worker.pid), socketsOf(master)]);
  if (own === null || listeners === null) return true;
  return own.some((socket) => listeners.includes(socket));
}

async function factsOf(pid: number): Promise<{ state: string; parent: number; startedAt: string } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The name in parentheses may hold anything; what follows it is plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startedAt] = [fields[0], fields[1], fields[19]];
  if (state === undefined || parent === undefined || startedAt === undefined) return null;
  return { state, parent: Number(parent), startedAt };
}

async function socketsOf(pid: number): Promise<string[] | null> {
  try {
    const names = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(
      names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
    );
    return targets.filter((target) => target.startsWith('socket:'));
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : null;
  }
}
