// Puts one new inode into `next`: bytes, mode, mtime and owner first, then its name. Never writes in place and never touches an inode that
// another tree shares. A new name is created exclusively; a name in use is replaced by rename from a temporary (STG-6).

import { constants } from 'node:fs';
import type { Disk } from './disk.ts';
import type { SyncSet } from './durability.ts';
import type { Owner } from './owner.ts';

export interface FileFacts {
  /** Permission bits by the site's policy. */
  readonly mode: number;
  /** Whole seconds. */
  readonly mtime: number;
  /** Null: the agent's own. */
  readonly owner: Owner | null;
}

export interface FileWriter {
  write(entry: string, facts: FileFacts, bytes: Uint8Array): void;
  /** For contents that should not be held whole; nothing is named when `pieces` throws. */
  stream(entry: string, facts: FileFacts, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** A new inode with the bytes of an open file (sharing blocks where the file system can); nothing is named when `check` throws. */
  copy(entry: string, facts: FileFacts, source: number, check: (fd: number) => Promise<void>): Promise<void>;
  symlink(entry: string, target: string, facts: Omit<FileFacts, 'mode'>): void;
}

const createFlags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** `temporary` gives fresh absolute names outside the trees, on the same file system. */
export function createFileWriter(disk: Disk, syncs: SyncSet, temporary: () => string): FileWriter {
  function finish(fd: number, { mode, mtime, owner }: FileFacts): void {
    disk.chmod(fd, mode);
    disk.touch(fd, mtime);
    if (owner) disk.chown(fd, owner);
  }

  /** Gives an open temporary the entry's name once `fill` is done with it. */
  async function replace(
    entry: string,
    facts: FileFacts,
    name: string,
    fd: number,
    fill: (fd: number) => Promise<void>,
  ): Promise<void> {
    try {
      await fill(fd);
      finish(fd, facts);
      disk.rename(name, entry);
    } catch (error) {
      disk.close(fd);
      throw error;
    }
    syncs.file(fd);
  }

  return {
    write(entry, facts, bytes) {
      const created = createNew(disk, entry);
      const name = created === undefined ? temporary() : entry;
      const fd = created ?? disk.open(name, createFlags, 0o600);
      try {
        if (bytes.length > 0) disk.write(fd, bytes, 0);
        finish(fd, facts);
        if (name !== entry) disk.rename(name, entry);
      } catch (error) {
        disk.close(fd);
        throw error;
      }
      syncs.file(fd);
    },
    async stream(entry, facts, pieces) {
      const name = temporary();
      await replace(entry, facts, name, disk.open(name, createFlags, 0o600), async (fd) => {
        let at = 0;
        for await (const piece of pieces) {
          disk.write(fd, piece, at);
          at += piece.length;
        }
      });
    },
    async copy(entry, facts, source, check) {
      const name = temporary();
      await disk.copy(`/proc/self/fd/${source}`, name);
      await replace(entry, facts, name, disk.open(name, constants.O_RDWR | constants.O_NOFOLLOW), check);
    },
    symlink(entry, target, { mtime, owner }) {
      // Its time and owner are set by name, so that name must be where nobody else can put another file.
      const name = temporary();
      disk.symlink(target, name);
      disk.touchLink(name, mtime);
      if (owner) disk.chownLink(name, owner);
      disk.rename(name, entry);
    },
  };
}

/** Undefined when the name is taken. */
function createNew(disk: Disk, entry: string): number | undefined {
  try {
    return disk.open(entry, createFlags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}
