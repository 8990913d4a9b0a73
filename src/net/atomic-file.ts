// Replaces a small file as a whole: a reader, also one after a power cut, sees the old content or the new, never a mixture.

import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failpoint } from '../faults/failpoint.ts';

/** Durable when it resolves. `mode` is set whatever the umask says. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await removeLeftovers(path);
  try {
    // Whatever somebody put there is not written through.
    await rm(temporary, { force: true });
    await withFile(temporary, 'wx', mode, async (file) => {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    });
    failpoint('file.written');
    await rename(temporary, path);
    failpoint('file.renamed');
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await withFile(dirname(path), 'r', 0, (directory) => directory.sync());
}

/** Takes away what processes that died in the middle of writing this file have left; each writing does it first. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dirname(path), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function withFile(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
