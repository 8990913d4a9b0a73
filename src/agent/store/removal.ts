// Removes directories with everything in them, step by step, without following symlinks, also when somebody changes them meanwhile, and
// however deep they are. What cannot be removed stays, with the directories above it: all the rest goes first, then the first reason is
// thrown. Decides nothing about what may go.

import type { Steps } from '../../slices/slices.ts';
import { createDirectoryHandles, type DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';

/** What lies deeper is moved up first: recursion ends where a tree made for it does not. */
const levelsMax = 32;

/** Removes the directory `path` of a tree and all that is below it. */
export function* removeDirectory(disk: Disk, handles: DirectoryHandles, path: string): Steps {
  yield* emptyDirectory(disk, handles, path);
  handles.forget(path);
  disk.rmdir(handles.entry(path));
}

export function* emptyDirectory(disk: Disk, handles: DirectoryHandles, top: string): Steps {
  let isMore = true;
  let failure: { readonly error: unknown } | undefined;

  function* clear(path: string, levels: number): Steps {
    for (const dirent of disk.readdir(handles.directoryPath(path))) {
      const child = path === '' ? dirent.name : `${path}/${dirent.name}`;
      try {
        if (!dirent.isDirectory()) remove(child);
        else if (levels > 0) yield* removeBelow(child, levels - 1);
        else moveUp(child);
      } catch (error) {
        failure ??= { error };
      }
      yield;
    }
  }

  function* removeBelow(path: string, levels: number): Steps {
    try {
      yield* clear(path, levels);
      handles.forget(path);
      disk.rmdir(handles.entry(path));
    } catch (error) {
      // It was a directory when it was listed.
      if (!isChanged(error)) throw error;
      handles.forget(path);
      remove(path);
    }
  }

  function remove(path: string): void {
    try {
      disk.unlink(handles.entry(path));
    } catch (error) {
      if (!isChanged(error)) throw error;
      isMore ||= (error as NodeJS.ErrnoException).code === 'EISDIR';
    }
  }

  function moveUp(path: string): void {
    const name = `.deep-${process.hrtime.bigint()}`;
    disk.rename(handles.entry(path), handles.entry(top === '' ? name : `${top}/${name}`));
    handles.forget(path);
    isMore = true;
  }

  while (isMore) {
    isMore = false;
    failure = undefined;
    yield* clear(top, levelsMax);
    yield;
  }
  if (failure) throw failure.error;
}

/** Removes a file or directory by its absolute path; nothing there is fine. */
export function* removeTree(disk: Disk, root: string): Steps {
  const stat = disk.lstat(root);
  if (!stat) return;
  if (!stat.isDirectory()) return disk.unlink(root);
  const handles = createDirectoryHandles(disk, root);
  try {
    yield* emptyDirectory(disk, handles, '');
  } finally {
    handles.close();
  }
  disk.rmdir(root);
}

/** Something else has the name now, or nothing has. */
function isChanged(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EISDIR';
}
