// Whether worker processes of Apache still take connections by a former configuration. After a graceful reload they stop, but not in the
// same moment as the new ones begin. Linux: it looks at /proc. Master and workers of one configuration share pipes that were made for it.

import { readdir, readFile, readlink } from 'node:fs/promises';

export interface Generation {
  readonly master: number;
  /** Of the master; null when the agent may not look. */
  readonly pipes: ReadonlySet<string> | null;
  /** `<process id> <start time>`: names one process for ever. */
  readonly workers: ReadonlySet<string>;
}

/** To be taken before a reload. */
export async function generationOf(master: number): Promise<Generation> {
  const links = await linksOf(master);
  const workers = await childrenOf(master);
  return {
    master,
    pipes: links === null ? null : new Set(links.filter(isPipe)),
    workers: new Set(workers.map(({ name }) => name)),
  };
}

/** To be asked after a reload, until the answer is no. What cannot be looked into counts as long as it is there. */
export async function takesConnections({ master, pipes, workers }: Generation): Promise<boolean> {
  const links = await linksOf(master);
  const listeners = new Set(links?.filter((link) => link.startsWith('socket:')));
  const fresh = new Set(links?.filter((link) => isPipe(link) && pipes?.has(link) === false));
  for (const { pid, name } of await childrenOf(master)) {
    const own = fresh.size === 0 ? null : await linksOf(pid);
    if (own === null) {
      if (workers.has(name)) return true;
    } else if (!own.some((link) => fresh.has(link)) && own.some((link) => listeners.has(link))) return true;
  }
  return false;
}

async function childrenOf(master: number): Promise<{ readonly pid: number; readonly name: string }[]> {
  const found: { pid: number; name: string }[] = [];
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    // The name in parentheses may hold anything; what follows it is plain: state, parent, …, and the start as the twentieth.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[1]) === master && fields[0] !== 'Z')
      found.push({ pid: Number(pid), name: `${pid} ${fields[19] ?? ''}` });
  }
  return found;
}

/** What the file descriptors of a process are; null when the agent may not look. */
async function linksOf(pid: number): Promise<string[] | null> {
  try {
    const names = await readdir(`/proc/${pid}/fd`);
    return await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : null;
  }
}

function isPipe(link: string): boolean {
  return link.startsWith('pipe:');
}
