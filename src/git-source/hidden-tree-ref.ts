// The hidden refs refs/treecast/trees/<id> that keep published trees from garbage collection, written as Git writes loose refs
// (lock file, sync, rename) but without a process: this is on the way of every push.

import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { failpoint } from '../faults/failpoint.ts';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';

export const hiddenRefPrefix = 'refs/treecast/';

export function hiddenTreeRef(tree: ObjectId): string {
  return `${hiddenRefPrefix}trees/${tree}`;
}

/** The name says the value: a ref that is there is right. Calls for one tree must not overlap. */
export async function writeHiddenTreeRef(repositoryPath: string, tree: ObjectId): Promise<void> {
  const path = `${repositoryPath}/${hiddenTreeRef(tree)}`;
  if ((await readFile(path, 'latin1').catch(() => '')) === `${tree}\n`) return;
  const lock = `${path}.lock`;
  const file = await openLock(lock);
  try {
    await file.writeFile(`${tree}\n`);
    await file.datasync();
    await file.close();
    failpoint('ccm.tree-ref.locked');
    await rename(lock, path);
    failpoint('ccm.tree-ref.written');
  } catch (cause) {
    await file.close().catch(() => {});
    await rm(lock, { force: true });
    throw new TreecastError('GIT_FAILED', `The hidden ref of tree ${tree} could not be written.`, {
      cause,
      fix: 'Check free space and permissions of the staging repository.',
    });
  }
}

async function openLock(lock: string): Promise<FileHandle> {
  try {
    return await open(lock, 'wx', 0o644).catch(async (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
      await mkdir(lock.slice(0, lock.lastIndexOf('/')), { recursive: true });
      return open(lock, 'wx', 0o644);
    });
  } catch (cause) {
    const held = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new TreecastError('GIT_FAILED', `${lock} could not be made.`, {
      cause,
      fix: held
        ? 'Another process is writing this ref; when none runs, restart the CCM: it removes stale locks.'
        : 'Check free space and permissions of the staging repository.',
    });
  }
}
