// Makes a tree by hard links: the same directories, every file and symlink the same inode as in the source. No bytes move.

import type { Steps } from '../../slices/slices.ts';
import type { DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { Owner } from './owner.ts';

export interface LinkTools {
  readonly disk: Disk;
  readonly source: DirectoryHandles;
  /** An empty directory; its own mode and owner are set by the caller. */
  readonly target: DirectoryHandles;
  /** Of directories; null: the agent's own. */
  readonly owner: Owner | null;
}

export function* linkTree(tools: LinkTools, path = ''): Steps {
  const { disk, source, target, owner } = tools;
  for (const dirent of disk.readdir(source.directoryPath(path))) {
    const child = path === '' ? dirent.name : `${path}/${dirent.name}`;
    if (dirent.isDirectory()) {
      disk.mkdir(target.entry(child), 0o700);
      yield* linkTree(tools, child);
      disk.chmod(target.directory(child), disk.fstat(source.directory(child)).mode & 0o7777);
      if (owner) disk.chown(target.directory(child), owner);
    } else {
      disk.link(source.entry(child), target.entry(child));
    }
    yield;
  }
}
