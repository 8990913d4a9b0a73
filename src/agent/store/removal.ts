// Removes directories with everything in them, step by step, without following symlinks. What cannot be removed stays, with the
// directories above it: all the rest goes first, then the first reason is thrown. Decides nothing about what may go.

import { createDirectoryHandles, type DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { Steps } from './slices.ts';

/** Removes the directory `path` of a tree and all that is below it. */
export function* removeDirectory(disk: Disk, handles: DirectoryHandles, path: string): Steps {
  yield* emptyDirectory(disk, handles, path);
  handles.forget(path);
  disk.rmdir(handles.entry(path));
}

export function* emptyDirectory(disk: Disk, handles: DirectoryHandles, path: string): Steps {
  let failure: { readonly error: unknown } | undefined;
  for (const dirent of disk.readdir(handles.directoryPath(path))) {
    const child = path === '' ? dirent.name : `${path}/${dirent.name}`;
    try {
      if (dirent.isDirectory()) yield* removeDirectory(disk, handles, child);
      else disk.unlink(handles.entry(child));
    } catch (error) {
      failure ??= { error };
    }
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
