// How large a tree may be before it is taken for an attack (a few nested trees can name billions of files).

import { TreecastError } from '../model/treecast-error.ts';

/** Leaves in one tree or changes in one diff. */
export const treeEntriesMax = 2_000_000;
/** What the data of one assignment may hold (ASG-3): a file is never split. */
export const fileBytesMax = 4 * 1024 ** 3;
/** What one push may bring: the largest file and more, and not so much that a slip of the hand fills the CCM's disk. */
export const pushBytesMax = 16 * 1024 ** 3;
/** Linux's PATH_MAX. */
export const pathBytesMax = 4_096;
/** Linux's NAME_MAX. */
export const componentBytesMax = 255;

export function treeTooLarge(): TreecastError {
  return new TreecastError('PUSH_REFUSED', `The tree has more than ${treeEntriesMax} files.`, {
    fix: 'Split the site, or remove the directory that was nested by mistake.',
    data: { entriesMax: treeEntriesMax },
  });
}

/** Walks stop here: deeper paths cannot exist on any server, and depth is what an attack would use. `path` is latin1. */
export function checkPathLength(path: string): void {
  if (path.length <= pathBytesMax) return;
  const shown = path.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');
  throw new TreecastError('PATH_FORBIDDEN', `The path "${shown}…" is longer than ${pathBytesMax} bytes.`, {
    fix: 'Use shorter names or fewer nested directories.',
    data: { pathBytes: path.length, pathBytesMax },
  });
}
