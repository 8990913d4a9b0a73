// Opens a file below a tree's directory and proves, by the open descriptor itself, that it lies there:
// symlinks inside the tree are followed, and whatever leads out of it counts as absent, also when it changes meanwhile.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export interface OpenedFile {
  readonly file: FileHandle;
  readonly stats: Stats;
  /** Where it really is, relative to the tree. */
  readonly path: string;
}

export interface TreeOpener {
  /** Undefined when there is no such file or directory in the tree. The caller closes the file. */
  open(directory: string, names: readonly string[]): Promise<OpenedFile | undefined>;
}

/** O_NONBLOCK: a named pipe must not hold up a request. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK;
const absentCodes: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EACCES',
  'ENXIO',
  'ENODEV',
]);

export function createTreeOpener(): TreeOpener {
  /** Directories of trees by the name they were asked for; they do not move, trees in them do. */
  const realParents = new Map<string, string>();

  async function realParentOf(directory: string): Promise<string> {
    const parent = dirname(directory);
    let real = realParents.get(parent);
    if (real === undefined) {
      real = await realpath(parent);
      realParents.set(parent, real);
    }
    return real;
  }

  return {
    async open(directory, names) {
      const path = [directory, ...names].join('/');
      let file: FileHandle;
      try {
        file = await open(path, flags);
      } catch (error) {
        if (error instanceof Error && 'code' in error && absentCodes.has(error.code)) return undefined;
        throw error;
      }
      try {
        const [stats, where, parent] = await Promise.all([
          file.stat(),
          readlink(`/proc/self/fd/${file.fd}`),
          realParentOf(directory),
        ]);
        const top = `${parent}/${basename(directory)}`;
        const isInside = where === top || where.startsWith(`${top}/`);
        if (isInside && (stats.isFile() || stats.isDirectory())) {
          return { file, stats, path: where.slice(top.length + 1) };
        }
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close();
      return undefined;
    },
  };
}
