// Handles of the live tree that are kept while anything else may change it, publishes too: before one is used, it is asked whether it
// still is the directory that has the path's name. So a step costs the same however deep it is.

import { createDirectoryHandles, type DirectoryHandles, parentOf } from './directory-handles.ts';
import type { Disk } from './disk.ts';

export interface LiveHandles {
  /** As {@link DirectoryHandles.entryIfParent}; valid until the next call. */
  entryIfParent(root: string, path: string): string | undefined;
  directoryPath(root: string, path: string): string;
  close(): void;
}

/** Linux names no directory by its handle whose absolute path is longer. */
const namedBytesMax = 4_095;

interface Kept {
  readonly root: string;
  /** What Linux calls the root. */
  readonly home: string | undefined;
  readonly handles: DirectoryHandles;
}

export function createLiveHandles(disk: Disk): LiveHandles {
  let kept: Kept | undefined;

  function close(): void {
    kept?.handles.close();
    kept = undefined;
  }

  function open(root: string): Kept {
    const handles = createDirectoryHandles(disk, root);
    kept = { root, home: undefined, handles };
    kept = { root, home: disk.readlink(handles.directoryPath('')), handles };
    return kept;
  }

  /** With the handles of `path`, and those above it, as they are now. */
  function of(root: string, path: string): DirectoryHandles {
    try {
      if (kept?.root === root && isCurrent(kept, path)) return kept.handles;
    } catch {
      // Whoever asked meets it again.
    }
    close();
    return open(root).handles;
  }

  function isCurrent({ home, handles }: Kept, path: string): boolean {
    if (home === undefined) return false;
    const bytesMax = namedBytesMax - 1 - Buffer.byteLength(home);
    let named = path;
    while (named !== '' && Buffer.byteLength(named) > bytesMax) named = parentOf(named);
    if (named !== path) {
      const end = path.indexOf('/', named.length + 1);
      handles.forget(end < 0 ? path : path.slice(0, end));
    }
    const name = named === '' ? home : `${home}/${named}`;
    return disk.readlink(handles.directoryPath(named)) === name;
  }

  return {
    entryIfParent: (root, path) => (path === '' ? root : of(root, parentOf(path)).entryIfParent(path)),
    directoryPath: (root, path) => of(root, path).directoryPath(path),
    close,
  };
}
