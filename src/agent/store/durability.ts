// Makes what one operation wrote durable: by one fsync per file and directory while they are few, by one sync of the whole file
// system when they are many. Decides which; the threshold is measured (docs/spec/staging.md, STG-7).

import { constants } from 'node:fs';
import { TreecastError } from '../../model/treecast-error.ts';
import { syncFileSystem as sync } from '../../net/sync-file-system.ts';
import type { DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';

/** Up to this many files and directories are synced one by one (together in flight); starting `sync -f` costs as much as about this many. */
const oneByOneMax = 24;
/** More than this many are put in flight together; fewer are quicker in turn, because the first sync does most of the others' work. */
const inTurnMax = 4;

export interface SyncSet {
  /** Takes over an open file whose contents are to become durable, and closes it. */
  file(fd: number): void;
  /** A directory of the tree whose entries changed. */
  directory(path: string): void;
  /** For a directory that is gone: it and those below it need no sync. */
  forget(path: string): void;
  /** Resolves when all of it is durable. */
  settle(handles: DirectoryHandles, tree: string): Promise<void>;
  /** Lets go of the open files without syncing. */
  drop(): void;
}

export function createSyncSet(disk: Disk): SyncSet {
  const files: number[] = [];
  const directories = new Set<string>();
  let whole = false;

  function drop(): void {
    for (const fd of files.splice(0)) disk.close(fd);
  }

  return {
    file(fd) {
      if (whole) return disk.close(fd);
      files.push(fd);
      if (files.length <= oneByOneMax) return;
      whole = true;
      drop();
    },
    directory(path) {
      if (!whole) directories.add(path);
      if (directories.size > oneByOneMax * 4) whole = true;
    },
    forget(path) {
      const below = `${path}/`;
      for (const directory of directories) {
        if (directory === path || directory.startsWith(below)) directories.delete(directory);
      }
    },
    async settle(handles, tree) {
      if (!whole && files.length + directories.size <= oneByOneMax) {
        const beside = files.length + directories.size > inTurnMax;
        await allEnded([
          ...files.map((fd) => disk.sync(fd, beside)),
          syncDirectories(disk, handles, directories, beside),
        ]);
      } else if (!(await syncFileSystem(disk, tree))) {
        throw new TreecastError('STAGE_FAILED', 'the program `sync` could not make the tree durable', {
          fix: 'Install coreutils (`sync -f`) and look at the kernel log for disk errors.',
        });
      }
      drop();
      directories.clear();
      whole = false;
    },
    drop,
  };
}

/** Through handles of its own: the cache may close one of its handles while a sync is in flight. */
async function syncDirectories(
  disk: Disk,
  handles: DirectoryHandles,
  directories: ReadonlySet<string>,
  beside: boolean,
): Promise<void> {
  const own: number[] = [];
  try {
    for (const path of directories) {
      own.push(disk.open(handles.directoryPath(path), constants.O_RDONLY | constants.O_DIRECTORY));
    }
    await allEnded(own.map((fd) => disk.sync(fd, beside)));
  } finally {
    for (const fd of own) disk.close(fd);
  }
}

/** Waits for all, also when one fails: a descriptor must not be closed while a sync of it is in flight. */
export async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** False when there is no program for it. */
export function syncFileSystem(disk: Disk, path: string): Promise<boolean> {
  disk.countSync(path);
  return sync(path);
}
