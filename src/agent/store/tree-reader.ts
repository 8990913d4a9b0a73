// Reads a tree from disk, every byte of every file, and computes each directory's object from what it found. Several files are read
// at once, so that a cold disk is kept busy; memory is bounded by the depth of the tree. Compares nothing: that is verify.ts.

import { constants } from 'node:fs';
import {
  blobIdOf,
  createBlobHash,
  encodeTree,
  type ObjectIdLength,
  treeIdOfBytes,
} from '../../assignment/object-id.ts';
import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import { throwIfAborted } from '../../slices/slices.ts';
import type { Disk } from './disk.ts';
import { createGate } from './gate.ts';
import { isOwnedBy, type Owner } from './owner.ts';
import type { TwinsIn } from './twin-reading.ts';

export interface ReadEntry {
  readonly name: string;
  readonly mode: string;
  readonly id: ObjectId;
  /** Permission bits of a file. */
  readonly permissions?: number;
  /** Of a file or symlink: it belongs to somebody else than {@link TreeReaderOptions.owner}. */
  readonly isOthers?: boolean;
}

export interface DirectoryReading {
  readonly path: string;
  /** Its own permission bits. */
  readonly permissions: number;
  /** As {@link ReadEntry.isOthers}. */
  readonly isOthers: boolean;
  /** Undefined for an empty directory other than the root, which Git does not know. */
  readonly id: ObjectId | undefined;
  readonly body: Uint8Array;
  readonly entries: readonly ReadEntry[];
  /** Names that are neither files nor directories nor symlinks, that are not UTF-8, or that changed while they were read. */
  readonly strange: readonly string[];
  /** Files that are no part of the tree. */
  readonly twins: readonly ReadEntry[];
  /** Subdirectories with nothing in them; they are no entries. */
  readonly emptyDirectories: ReadonlySet<string>;
}

export interface TreeReaderOptions {
  readonly disk: Disk;
  readonly root: string;
  readonly hexLength: ObjectIdLength;
  readonly signal?: AbortSignal | undefined;
  /** Who everything should belong to; null: nobody in particular. */
  readonly owner?: Owner | null;
  /** Which files are no part of the tree; none when undefined. */
  readonly twinsIn?: TwinsIn | undefined;
  /** Called again and again while it goes on. */
  readonly onRead?: (() => void) | undefined;
  /** Called once per directory, children before parents. */
  readonly onDirectory: (reading: DirectoryReading) => void;
}

const filesAtOnce = 16;
const directoriesAtOnce = 8;
const chunkBytes = 65_536;
const changedCodes: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EINVAL',
  'ENXIO',
  'ENODEV',
]);
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The tree's id. */
export async function readTree(options: TreeReaderOptions): Promise<ObjectId> {
  const { disk, hexLength, signal, owner = null } = options;
  const like = '0'.repeat(hexLength);
  const files = createGate(filesAtOnce);
  const directories = createGate(directoriesAtOnce);
  const buffers: Buffer[] = [];

  /** Undefined when the name cannot be opened as a file: it is not UTF-8, is gone, or is something else by now. */
  async function hashFile(path: string): Promise<Omit<ReadEntry, 'name'> | undefined> {
    let fd: number;
    try {
      fd = await disk.openAsync(path, fileFlags);
    } catch (error) {
      if (isChanged(error)) return undefined;
      // Its mode was changed so that not even its owner may read it: it has no id.
      if ((error as NodeJS.ErrnoException).code === 'EACCES') {
        return { mode: '100644', id: like, permissions: 0 };
      }
      throw error;
    }
    const buffer = buffers.pop() ?? Buffer.allocUnsafe(chunkBytes);
    try {
      const stat = disk.fstat(fd);
      if (!stat.isFile()) return undefined;
      const { size, mode } = stat;
      const isOthers = !isOwnedBy(stat, owner);
      return {
        mode: (mode & 0o100) === 0 ? '100644' : '100755',
        id: await hashContents(fd, size, buffer),
        permissions: mode & 0o7777,
        isOthers,
      };
    } finally {
      buffers.push(buffer);
      disk.close(fd);
    }
  }

  async function hashContents(fd: number, size: number, buffer: Buffer): Promise<ObjectId> {
    if (size === 0) return blobIdOf(buffer.subarray(0, 0), like);
    const first = await disk.readAsync(fd, buffer, 0);
    options.onRead?.();
    if (first === size) return blobIdOf(buffer.subarray(0, size), like);
    const hash = createBlobHash(size, hexLength);
    let at = 0;
    for (let bytes = first; bytes > 0 && at + bytes <= size; bytes = await disk.readAsync(fd, buffer, at)) {
      hash.update(buffer.subarray(0, bytes));
      at += bytes;
      options.onRead?.();
      throwIfAborted(signal);
    }
    // A file that shrinks or grows meanwhile has no id; what it has now is not what was published either way.
    return at === size ? hash.digest() : like;
  }

  /** `changed`: what was a directory is none any more; `closed`: not even its owner may read it. */
  function openDirectory(handlePath: string): number | 'changed' | 'closed' {
    try {
      return disk.open(handlePath, directoryFlags);
    } catch (error) {
      if (handlePath !== options.root && isChanged(error)) return 'changed';
      if ((error as NodeJS.ErrnoException).code === 'EACCES') return 'closed';
      throw error;
    }
  }

  async function readDirectory(path: string, handlePath: string): Promise<ObjectId | 'changed' | undefined> {
    throwIfAborted(signal);
    const handle = openDirectory(handlePath);
    if (handle === 'changed') return 'changed';
    if (handle === 'closed') {
      const nothing = {
        isOthers: false,
        entries: [],
        strange: [],
        twins: [],
        emptyDirectories: new Set<string>(),
      };
      options.onDirectory({ path, permissions: 0, id: undefined, body: encodeTree([]), ...nothing });
      return undefined;
    }
    const inside = `/proc/self/fd/${handle}`;
    const entries: ReadEntry[] = [];
    const twins: ReadEntry[] = [];
    const strange: string[] = [];
    const emptyDirectories = new Set<string>();
    const work: Promise<void>[] = [];
    const begin = <T>(task: Promise<T>, then: (result: T) => void): void => {
      const done = task.then(then);
      // Awaited together below; until then a failure must not count as unhandled.
      done.catch(() => {});
      work.push(done);
    };
    let permissions = 0;
    let isOthers = false;
    try {
      const stat = disk.fstat(handle);
      permissions = stat.mode & 0o7777;
      isOthers = !isOwnedBy(stat, owner);
      const dirents = disk.readdir(inside);
      const twinNames = options.twinsIn?.(path, dirents);
      for (const dirent of dirents) {
        const { name } = dirent;
        const child = `${inside}/${name}`;
        if (dirent.isFile()) {
          await files.enter();
          begin(files.leaveAfter(hashFile(child)), (found) => {
            if (found) (twinNames?.has(name) ? twins : entries).push({ name, ...found });
            else strange.push(name);
          });
        } else if (dirent.isDirectory()) {
          const beside = directories.tryEnter();
          const read = readDirectory(path === '' ? name : `${path}/${name}`, child);
          begin(beside ? directories.leaveAfter(read) : read, (id) => {
            if (id === 'changed') strange.push(name);
            else if (id === undefined) emptyDirectories.add(name);
            else entries.push({ name, mode: '40000', id });
          });
          // Only as many directories as there is room for are read beside this one.
          if (!beside) await read;
        } else if (dirent.isSymbolicLink()) {
          const target = readLink(child);
          if (target === undefined) strange.push(name);
          else
            entries.push({
              name,
              mode: '120000',
              id: blobIdOf(target, like),
              isOthers: isLinkOfOthers(child),
            });
        } else {
          strange.push(name);
        }
      }
      await Promise.all(work);
    } finally {
      await Promise.allSettled(work);
      disk.close(handle);
    }
    const body = encodeTree(entries);
    const id =
      entries.length > 0 ? treeIdOfBytes(body, hexLength) : path === '' ? emptyTreeId(like) : undefined;
    options.onDirectory({ path, permissions, isOthers, id, body, entries, twins, strange, emptyDirectories });
    return id;
  }

  function isLinkOfOthers(path: string): boolean {
    const stat = owner === null ? undefined : disk.lstat(path);
    return stat !== undefined && !isOwnedBy(stat, owner);
  }

  function readLink(path: string): Buffer | undefined {
    try {
      return disk.readlinkBytes(path);
    } catch (error) {
      if (isChanged(error)) return undefined;
      throw error;
    }
  }

  return (await readDirectory('', options.root)) ?? emptyTreeId(like);
}

/** Somebody else changed the name since it was listed: it is gone, or is of another type. */
function isChanged(error: unknown): boolean {
  return changedCodes.has((error as NodeJS.ErrnoException).code);
}
