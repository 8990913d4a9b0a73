// Makes a tree by hard links: the same directories, every file and symlink the same inode as in the source. No bytes move.

import type { DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { Steps } from './slices.ts';

/** `target` must be an empty directory; its own mode is set by the caller. */
export function* linkTree(disk: Disk, source: DirectoryHandles, target: DirectoryHandles, path = ''): Steps {
  for (const dirent of disk.readdir(source.directoryPath(path))) {
    const child = path === '' ? dirent.name : `${path}/${dirent.name}`;
    if (dirent.isDirectory()) {
      disk.mkdir(target.entry(child), 0o700);
      yield* linkTree(disk, source, target, child);
      disk.chmod(target.directory(child), disk.fstat(source.directory(child)).mode & 0o7777);
    } else {
      disk.link(source.entry(child), target.entry(child));
    }
    yield;
  }
}
