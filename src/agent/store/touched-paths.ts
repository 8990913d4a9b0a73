// What the commands of a release did, by path, as a tree: which entries the re-read directories must show. Pure.

import type { EntryMode, ObjectId } from '../../model/tree.ts';

export interface TouchedLeaf {
  readonly mode: EntryMode;
  readonly id: ObjectId;
}

/** A directory in which something changed. `null` is an entry that was removed. */
export interface TouchedDirectory {
  readonly entries: Map<string, TouchedDirectory | TouchedLeaf | null>;
}

export function createTouchedDirectory(): TouchedDirectory {
  return { entries: new Map() };
}

export function isTouchedDirectory(
  entry: TouchedDirectory | TouchedLeaf | null | undefined,
): entry is TouchedDirectory {
  return entry !== null && entry !== undefined && 'entries' in entry;
}

/** The last word about a path counts. */
export function touchLeaf(root: TouchedDirectory, path: string, leaf: TouchedLeaf): void {
  const { parent, name } = descend(root, path);
  parent.entries.set(name, leaf);
}

/** A file, symlink or directory is gone. What was noted below it is kept out of the way of what replaces it. */
export function touchRemoved(root: TouchedDirectory, path: string): void {
  const { parent, name } = descend(root, path);
  parent.entries.set(name, null);
}

export function touchDirectory(root: TouchedDirectory, path: string): void {
  const { parent, name } = descend(root, path);
  if (!isTouchedDirectory(parent.entries.get(name))) parent.entries.set(name, createTouchedDirectory());
}

function descend(root: TouchedDirectory, path: string): { parent: TouchedDirectory; name: string } {
  let parent = root;
  let start = 0;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', start)) {
    const name = path.slice(start, slash);
    let child = parent.entries.get(name);
    if (!isTouchedDirectory(child)) {
      child = createTouchedDirectory();
      parent.entries.set(name, child);
    }
    parent = child;
    start = slash + 1;
  }
  return { parent, name: path.slice(start) };
}
