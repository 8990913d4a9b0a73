// Room kept for what must not fail on a full disk: one more journal and one more symlink, so that a decision is carried out, a staging
// undone and a tree thrown away without anything being free (STG-27). In ordinary times nothing of it is touched.

import { randomBytes } from 'node:crypto';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';
import { createAnew } from './own-file.ts';

export interface Reserve {
  /** Makes what is missing; `journalBytes` is the length of the journal now. Throws when the disk has no room for it. */
  keep(journalBytes: number): void;
  isKept(journalBytes: number): boolean;
  /** An allocated file for a journal of that length; undefined when there is none. */
  journalFile(bytes: number): string | undefined;
  /** The journal's file became the journal. */
  journalTaken(): void;
  /** Gives an inode back, once. */
  freeInode(): boolean;
}

/** A decision lengthens the journal by its own size and by lags; this much and as long again as it is are kept. */
const journalBytesMin = 16 * 1024;

export function createReserve(disk: Disk, layout: Layout): Reserve {
  const journalPath = `${layout.journal}.spare`;
  const inodePath = `${layout.live}.spare`;
  let journalBytes = sizeOf(journalPath);
  let hasInode = sizeOf(inodePath) > 0;

  function sizeOf(path: string): number {
    const stat = disk.lstat(path);
    return stat?.isFile() && stat.size <= stat.blocks * 512 ? stat.size : 0;
  }

  function write(path: string, bytes: number): void {
    const fd = createAnew(disk, path);
    try {
      // Not zeros: some file systems keep those as holes.
      disk.write(fd, randomBytes(bytes), 0);
    } finally {
      disk.close(fd);
    }
  }

  const isLongEnough = (present: number) => journalBytes >= journalBytesMin + present;

  return {
    keep(present) {
      if (!hasInode) {
        write(inodePath, 1);
        hasInode = true;
      }
      if (isLongEnough(present)) return;
      const wanted = journalBytesMin + 2 * present;
      journalBytes = 0;
      write(journalPath, wanted);
      journalBytes = wanted;
    },
    isKept: (present) => hasInode && isLongEnough(present),
    journalFile: (bytes) => (bytes <= journalBytes ? journalPath : undefined),
    journalTaken() {
      journalBytes = 0;
    },
    freeInode() {
      if (!hasInode) return false;
      hasInode = false;
      disk.unlink(inodePath);
      return true;
    },
  };
}
