// Which directories a tree change makes and removes. Git has no empty directories, so a directory exists where a leaf is below it;
// what the changes alone do not tell is asked (directoryQuestions), and the answers are few and cheap to find.

import type { TreeChange } from '../model/tree.ts';

/** Directories known to exist in base and in target, of those that were asked for. */
export interface DirectoryAnswers {
  readonly base: ReadonlySet<string>;
  readonly target: ReadonlySet<string>;
}

export interface DirectoryQuestions {
  /** Does this directory exist in the base tree? Asked of parents of new paths. */
  readonly base: readonly string[];
  /** Does this directory exist in the target tree? Asked of parents of deleted paths. */
  readonly target: readonly string[];
}

export interface DirectoryChanges {
  /** Parents before children. */
  readonly made: readonly string[];
  /** Children before parents. */
  readonly removed: readonly string[];
}

/** None for a change of existing files only. An empty base (or target) tree answers every question with no. */
export function directoryQuestions(changes: readonly TreeChange[]): DirectoryQuestions {
  const sides = sidesOf(changes);
  const open = (known: ReadonlySet<string>, other: ReadonlySet<string>, leaves: ReadonlySet<string>) =>
    [...other].filter((directory) => !known.has(directory) && !leaves.has(directory));
  return {
    base: open(sides.base.directories, sides.target.directories, sides.base.leaves),
    target: open(sides.target.directories, sides.base.directories, sides.target.leaves),
  };
}

export function directoryChanges(
  changes: readonly TreeChange[],
  answers: DirectoryAnswers,
): DirectoryChanges {
  const { base, target } = sidesOf(changes);
  const made = [...target.directories].filter((d) => !base.directories.has(d) && !answers.base.has(d));
  const removed = [...base.directories].filter((d) => !target.directories.has(d) && !answers.target.has(d));
  return { made: made.sort(byDepth), removed: removed.sort(byDepth).reverse() };
}

/** `a/b/c` → `a`, `a/b`. */
export function* parentsOf(path: string): Generator<string> {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    yield path.slice(0, slash);
}

interface Side {
  readonly leaves: Set<string>;
  readonly directories: Set<string>;
}

function sidesOf(changes: readonly TreeChange[]): { readonly base: Side; readonly target: Side } {
  const base: Side = { leaves: new Set(), directories: new Set() };
  const target: Side = { leaves: new Set(), directories: new Set() };
  for (const { path, before, after } of changes) {
    if (before !== undefined) addLeaf(base, path);
    if (after !== undefined) addLeaf(target, path);
  }
  return { base, target };
}

function addLeaf({ leaves, directories }: Side, path: string): void {
  leaves.add(path);
  // From the deepest up, so that a known directory ends the walk.
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const directory = path.slice(0, slash);
    if (directories.has(directory)) return;
    directories.add(directory);
  }
}

function byDepth(a: string, b: string): number {
  return depthOf(a) - depthOf(b) || (a < b ? -1 : 1);
}

function depthOf(path: string): number {
  let depth = 0;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) depth++;
  return depth;
}
