// What a power cut could take at a point of a log of calls: contents that were written, and names that were given or taken, since the
// last sync of their file or directory. As strict as POSIX: a sync of a file says nothing of its name.

import { dirname } from 'node:path';
import type { FileSystemCall } from './file-system-calls.ts';

export interface Unsynced {
  /** Files whose contents or metadata may be lost. */
  readonly contents: ReadonlySet<string>;
  /** Directories whose entries may be as they were before. */
  readonly entries: ReadonlySet<string>;
}

export function unsyncedAfter(calls: readonly FileSystemCall[]): Unsynced {
  const contents = new Set<string>();
  const entries = new Set<string>();

  function move(from: string, to: string): void {
    for (const set of [contents, entries]) {
      for (const path of set) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        set.delete(path);
        set.add(to + path.slice(from.length));
      }
    }
  }

  for (const { call, text, paths } of calls) {
    const [path = '', other = ''] = paths;
    switch (call) {
      case 'openat':
        if (!text.includes('O_CREAT')) break;
        entries.add(dirname(path));
        if (text.includes('O_TRUNC')) contents.add(path);
        break;
      case 'write':
      case 'pwrite64':
      case 'writev':
      case 'pwritev':
      case 'ftruncate':
      case 'copy_file_range':
      case 'fchmod':
        if (path.startsWith('/')) contents.add(call === 'copy_file_range' ? other : path);
        break;
      case 'rename':
      case 'renameat':
      case 'renameat2':
        move(path, other);
        entries.add(dirname(path)).add(dirname(other));
        break;
      case 'link':
      case 'linkat':
        if (contents.has(path)) contents.add(other);
        entries.add(dirname(other));
        break;
      case 'symlink':
      case 'symlinkat':
        entries.add(dirname(paths.at(-1) ?? ''));
        break;
      case 'mkdir':
      case 'mkdirat':
        entries.add(dirname(path));
        break;
      case 'unlink':
      case 'unlinkat':
      case 'rmdir':
        contents.delete(path);
        entries.delete(path);
        entries.add(dirname(path));
        break;
      case 'fsync':
      case 'fdatasync':
        contents.delete(path);
        entries.delete(path);
        break;
      case 'syncfs':
        contents.clear();
        entries.clear();
    }
  }
  return { contents, entries };
}
