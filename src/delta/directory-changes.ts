// Which directories a tree change makes and removes. Git has no empty directories, so a directory exists where a leaf is below it;
// what the changes alone do not tell is asked (directoryQuestions), and the answers are few and cheap to find.

import type { TreeChange } from '../model/tree.ts';
import type { Steps } from '../slices/slices.ts';

/** Changes handled between two yields: about 2 ms. */
export const sliceChanges = 1024;

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

/** Directories above changed paths, by the sides that have a leaf there. */
export interface ChangedDirectories {
  readonly base: ReadonlySet<string>;
  readonly target: ReadonlySet<string>;
  /** Paths that are a leaf in one tree and a directory in the other. */
  readonly baseLeaves: ReadonlySet<string>;
  readonly targetLeaves: ReadonlySet<string>;
}

/** Yields between slices of the work; a pure function when run to its end at once. */
export function* changedDirectories(changes: readonly TreeChange[]): Steps<ChangedDirectories> {
  const base = createParentSet();
  const target = createParentSet();
  for (const [i, { path, before, after }] of changes.entries()) {
    if (before !== undefined) base.addParentsOf(path);
    if (after !== undefined) target.addParentsOf(path);
    if (i % sliceChanges === sliceChanges - 1) yield;
  }
  const baseLeaves = new Set<string>();
  const targetLeaves = new Set<string>();
  for (const [i, { path, before, after }] of changes.entries()) {
    if (before !== undefined && target.all.has(path)) baseLeaves.add(path);
    if (after !== undefined && base.all.has(path)) targetLeaves.add(path);
    if (i % sliceChanges === sliceChanges - 1) yield;
  }
  return { base: base.all, target: target.all, baseLeaves, targetLeaves };
}

/** None for a change of existing files only. An empty base (or target) tree answers every question with no. */
export function directoryQuestions({
  base,
  target,
  baseLeaves,
  targetLeaves,
}: ChangedDirectories): DirectoryQuestions {
  const open = (known: ReadonlySet<string>, other: ReadonlySet<string>, leaves: ReadonlySet<string>) =>
    [...other].filter((directory) => !known.has(directory) && !leaves.has(directory));
  return { base: open(base, target, baseLeaves), target: open(target, base, targetLeaves) };
}

export function directoryChanges(
  { base, target }: ChangedDirectories,
  answers: DirectoryAnswers,
): DirectoryChanges {
  const made = [...target].filter((directory) => !base.has(directory) && !answers.base.has(directory));
  const removed = [...base].filter((directory) => !target.has(directory) && !answers.target.has(directory));
  return { made: made.sort(byDepth), removed: removed.sort(byDepth).reverse() };
}

/** `a/b/c` → `a`, `a/b`. */
export function* parentsOf(path: string): Generator<string> {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    yield path.slice(0, slash);
}

function createParentSet() {
  const all = new Set<string>();
  return {
    all,
    addParentsOf(path: string) {
      // From the deepest up, so that a known directory ends the walk.
      for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
        const directory = path.slice(0, slash);
        if (all.has(directory)) return;
        all.add(directory);
      }
    },
  };
}

function byDepth(a: string, b: string): number {
  return depthOf(a) - depthOf(b) || (a < b ? -1 : 1);
}

function depthOf(path: string): number {
  let depth = 0;
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) depth++;
  return depth;
}
