// Replaces a small file as a whole: a reader, also one after a power cut, sees the old content or the new, never a mixture.

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '../faults/failpoint.ts';

/** Durable when it resolves. `mode` is set whatever the umask says. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await withFile(temporary, 'w', mode, async (file) => {
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
