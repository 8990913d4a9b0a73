// Whether one entry of a tree on disk is what it should be, by its bytes and not by size or time (STG-33). Reads without following
// links and without trusting what it saw a moment ago. Decides nothing about what happens then.

import type fs from 'node:fs';
import { constants } from 'node:fs';
import { blobIdOf, createBlobHash, type ObjectIdLength } from '../../assignment/object-id.ts';
import type { ObjectId } from '../../model/tree.ts';
import { throwIfAborted } from '../../slices/slices.ts';
import type { Disk } from './disk.ts';
import type { Modes } from './interpreter.ts';
import { isOwnedBy } from './owner.ts';
import type { DriftProblem } from './site-store.ts';
import { directoryMode, type IndexEntry } from './tree-index.ts';

export interface Inspector {
  /**
   * Undefined when the entry is as wanted; `wanted` undefined: nothing should be there. `entry` as system calls take it; `isWhole`:
   * a directory that should not be there is one thing with all that is in it.
   */
  problemWith(
    entry: string | undefined,
    wanted: IndexEntry | undefined,
    isWhole?: boolean,
  ): Promise<DriftProblem | undefined>;
  /** An open regular file with exactly these bytes; undefined otherwise. The caller closes it. */
  openIfHas(entry: string | undefined, id: ObjectId): Promise<number | undefined>;
  /** Whether mode and owner are those of the policy. */
  factsProblem(stat: fs.Stats, mode: string): DriftProblem | undefined;
}

export interface InspectorOptions {
  readonly disk: Disk;
  readonly modes: Modes;
  /** Called after so many bytes were read; what it returns is waited for. */
  readonly onRead?: ((bytes: number) => Promise<void> | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const symlinkMode = '120000';
const chunkBytes = 262_144;
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function createInspector({ disk, modes, onRead, signal }: InspectorOptions): Inspector {
  let buffer: Buffer | undefined;

  function factsProblem(stat: fs.Stats, mode: string): DriftProblem | undefined {
    if (mode !== symlinkMode && (stat.mode & 0o7777) !== permissionsOf(modes, mode)) return 'mode';
    return isOwnedBy(stat, modes.owner) ? undefined : 'owner';
  }

  /** Undefined when the file changed its length while it was read. */
  async function hash(fd: number, like: ObjectId): Promise<ObjectId | undefined> {
    const { size } = disk.fstat(fd);
    const digest = createBlobHash(size, like.length as ObjectIdLength);
    buffer ??= Buffer.allocUnsafe(chunkBytes);
    for (let at = 0; at < size; ) {
      throwIfAborted(signal);
      const bytes = await disk.readAsync(fd, buffer, at);
      if (bytes === 0 || at + bytes > size) return undefined;
      digest.update(buffer.subarray(0, bytes));
      at += bytes;
      const wait = onRead?.(bytes);
      if (wait) await wait;
    }
    return disk.fstat(fd).size === size ? digest.digest() : undefined;
  }

  /** An errno for what cannot be opened. */
  async function open(entry: string): Promise<number | string> {
    try {
      return await disk.openAsync(entry, fileFlags);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return code;
    }
  }

  async function fileProblem(entry: string, { mode, id }: IndexEntry): Promise<DriftProblem | undefined> {
    const fd = await open(entry);
    if (typeof fd === 'string') {
      if (fd === 'ENOENT') return 'missing';
      // Nobody but its owner's or root's chmod makes a file of this agent unreadable to it; a bad sector reads as wrong bytes.
      if (fd === 'EACCES') return 'mode';
      return fd === 'EIO' ? 'content' : 'type';
    }
    try {
      if (!disk.fstat(fd).isFile()) return 'type';
      return (await hash(fd, id)) === id ? factsProblem(disk.fstat(fd), mode) : 'content';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EIO') return 'content';
      throw error;
    } finally {
      disk.close(fd);
    }
  }

  function isEmpty(directory: string): boolean {
    try {
      return disk.readdir(directory).length === 0;
    } catch {
      return true;
    }
  }

  return {
    factsProblem,
    async problemWith(entry, wanted, isWhole = false) {
      throwIfAborted(signal);
      const stat = entry === undefined ? undefined : disk.lstat(entry);
      if (!stat || entry === undefined) return wanted ? 'missing' : undefined;
      // What lies in a directory that should not be there is found path by path.
      if (!wanted) return !isWhole && stat.isDirectory() && !isEmpty(entry) ? undefined : 'extra';
      if (wanted.mode === directoryMode) {
        if (!stat.isDirectory()) return 'type';
        return factsProblem(stat, wanted.mode);
      }
      if (wanted.mode === symlinkMode) {
        if (!stat.isSymbolicLink()) return 'type';
        return blobIdOf(disk.readlinkBytes(entry), wanted.id) === wanted.id
          ? factsProblem(stat, wanted.mode)
          : 'content';
      }
      return stat.isFile() ? fileProblem(entry, wanted) : 'type';
    },
    async openIfHas(entry, id) {
      if (entry === undefined || !disk.lstat(entry)?.isFile()) return undefined;
      const fd = await open(entry);
      if (typeof fd === 'string') return undefined;
      try {
        if (disk.fstat(fd).isFile() && (await hash(fd, id)) === id) return fd;
      } catch (error) {
        disk.close(fd);
        throw error;
      }
      disk.close(fd);
      return undefined;
    },
  };
}

/** By the site's policy; a symlink has none of its own. */
export function permissionsOf(modes: Modes, mode: string): number {
  if (mode === directoryMode) return modes.directory;
  return mode === '100755' ? modes.executable : modes.file;
}
