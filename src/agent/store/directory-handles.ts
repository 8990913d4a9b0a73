// Paths inside one tree, walked by O_DIRECTORY|O_NOFOLLOW handles and addressed as /proc/self/fd/N/name, so that no symlink
// and no `..` leads out of the tree, also while somebody else changes it. Keeps a few handles open for the length of one operation.

import { constants } from 'node:fs';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Disk } from './disk.ts';

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const handlesMax = 64;

export interface DirectoryHandles {
  /** A handle of a directory of the tree (`''` is its root); owned by this cache, valid until the next call. */
  directory(path: string): number;
  /** The directory as a path that system calls take. */
  directoryPath(path: string): string;
  /** The entry as a path that system calls take: its parent's handle and its name. */
  entry(path: string): string;
  /** As {@link entry}; undefined when a parent is missing or is no directory. */
  entryIfParent(path: string): string | undefined;
  /** Call when a directory was removed or replaced: it and what is below it are opened anew. */
  forget(path: string): void;
  close(): void;
}

export function createDirectoryHandles(disk: Disk, root: string): DirectoryHandles {
  const open = new Map<string, number>();
  let lastPath: string | undefined;
  let lastHandle = -1;

  function directory(path: string): number {
    if (path === lastPath) return lastHandle;
    let handle = open.get(path);
    if (handle === undefined) {
      handle =
        path === ''
          ? disk.open(root, openFlags)
          : disk.open(`/proc/self/fd/${directory(parentOf(path))}/${nameOf(path)}`, openFlags);
      if (open.size >= handlesMax) closeOldest();
      open.set(path, handle);
    }
    lastPath = path;
    lastHandle = handle;
    return handle;
  }

  function closeOldest(): void {
    for (const [path, handle] of open) {
      if (path === '') continue;
      open.delete(path);
      disk.close(handle);
      if (path === lastPath) lastPath = undefined;
      return;
    }
  }

  function entry(path: string): string {
    const slash = path.lastIndexOf('/');
    return `/proc/self/fd/${directory(slash < 0 ? '' : path.slice(0, slash))}/${nameOf(path)}`;
  }

  return {
    directory,
    directoryPath: (path) => `/proc/self/fd/${directory(path)}`,
    entry,
    entryIfParent(path) {
      try {
        return entry(path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
        throw error;
      }
    },
    forget(path) {
      lastPath = undefined;
      const below = `${path}/`;
      for (const [key, handle] of open) {
        if (key !== path && !key.startsWith(below)) continue;
        open.delete(key);
        disk.close(handle);
      }
    },
    close() {
      lastPath = undefined;
      for (const handle of open.values()) disk.close(handle);
      open.clear();
    },
  };
}

/** As {@link DirectoryHandles.entryIfParent}; undefined also where somebody took the right to look into a directory above. */
export function entryIfReachable(handles: DirectoryHandles, path: string): string | undefined {
  try {
    return handles.entryIfParent(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw error;
  }
}

/** `''` for a path at the top of the tree. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..' || name.includes('\0')) {
    throw new TreecastError(
      'PATH_FORBIDDEN',
      `${JSON.stringify(path)} cannot be a path of a published tree`,
      {
        fix: 'Push a tree whose names Git accepts.',
        data: { path },
      },
    );
  }
  return name;
}
