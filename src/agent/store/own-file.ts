// Files under names of the store's own, outside of every tree. What somebody else put there is never opened for writing: it may be a pipe
// that blocks, or another file by a hard link.

import { constants } from 'node:fs';
import type { Disk } from './disk.ts';

const createFlags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const writeFlags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A new, empty file, for the agent alone; what has its name, left over or put there, is removed. */
export function createAnew(disk: Disk, path: string): number {
  for (let triesLeft = 3; ; triesLeft--) {
    try {
      return disk.open(path, createFlags, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || triesLeft === 0) throw error;
    }
    disk.unlink(path);
  }
}

/** The file of that name, to be written on; undefined when there is none, or it is no regular file, or has another name besides. */
export function openOwn(disk: Disk, path: string): number | undefined {
  const stat = disk.lstat(path);
  if (!stat?.isFile()) return undefined;
  const fd = disk.open(path, writeFlags);
  const { nlink, ino } = disk.fstat(fd);
  if (nlink === 1 && ino === stat.ino) return fd;
  disk.close(fd);
  return undefined;
}
