// Tree changes → ordered commands (ARCHITECTURE §3.3, N5): what stands in the way first, then directories, assets, pages, symlinks,
// and deletes last. Pure: what it needs to know beside the changes is asked for by planQuestions and passed in.

import { pathProblem } from '../assignment/path-rule.ts';
import { type ObjectId, submoduleMode, type TreeChange } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { runAtOnce, runInSlices, type Steps } from '../slices/slices.ts';
import { isFileMode } from './copy-sources.ts';
import {
  changedDirectories,
  type DirectoryAnswers,
  directoryChanges,
  directoryQuestions,
  parentsOf,
  sliceChanges,
} from './directory-changes.ts';
import type { PlannedTreeCommand } from './planned-command.ts';

export interface PlanInput {
  /** From `GitSource.diffTrees(base, target)`, in its order. */
  readonly changes: readonly TreeChange[];
  /** Which of the asked directories exist. */
  readonly directories: DirectoryAnswers;
  /** Sizes in bytes of the asked blobs. */
  readonly sizes: ReadonlyMap<ObjectId, number>;
  /** Blob id → path of a regular file of the base tree with that content; `copySourcesOf(changes)` at least. */
  readonly copySources: ReadonlyMap<ObjectId, string>;
  /** mtime in whole seconds of a path of the target tree. */
  readonly mtimeOf: (path: string) => number;
}

export interface PlanQuestions {
  /** Blobs whose sizes are needed. */
  readonly sizes: readonly ObjectId[];
  readonly directories: { readonly base: readonly string[]; readonly target: readonly string[] };
}

/** What to find out before {@link planCommands}; for edits of existing files that is only sizes. */
export function planQuestions(changes: readonly TreeChange[]): PlanQuestions {
  return runAtOnce(questionSteps(changes));
}

/** As {@link planQuestions}, giving the event loop its turns: for diffs of any size. */
export function planQuestionsInSlices(changes: readonly TreeChange[]): Promise<PlanQuestions> {
  return runInSlices(questionSteps(changes));
}

/**
 * The commands in order. Throws SUBMODULE, PATH_FORBIDDEN (guards run again here: `publish --ref` can name a tree that no push brought),
 * and BUG when an answer is missing.
 */
export function planCommands(input: PlanInput): PlannedTreeCommand[] {
  return runAtOnce(planSteps(input));
}

/** As {@link planCommands}, giving the event loop its turns: for diffs of any size. */
export function planCommandsInSlices(input: PlanInput): Promise<PlannedTreeCommand[]> {
  return runInSlices(planSteps(input));
}

function* questionSteps(changes: readonly TreeChange[]): Steps<PlanQuestions> {
  const sizes = new Set<ObjectId>();
  for (const [i, { before, after }] of changes.entries()) {
    if (i % sliceChanges === sliceChanges - 1) yield;
    if (after === undefined || !isFileMode(after.mode)) continue;
    sizes.add(after.id);
    if (before !== undefined && isFileMode(before.mode)) sizes.add(before.id);
  }
  return { sizes: [...sizes], directories: directoryQuestions(yield* changedDirectories(changes)) };
}

function* planSteps(input: PlanInput): Steps<PlannedTreeCommand[]> {
  const changed = yield* changedDirectories(input.changes);
  const directories = directoryChanges(changed, input.directories);
  const made = new Set(directories.made);
  /** Directories of the base tree whose path becomes a file or symlink: all below them must go first. */
  const replaced = new Set(directories.removed.filter((directory) => changed.targetLeaves.has(directory)));
  const isUnderReplaced = (path: string) =>
    replaced.size > 0 && [...parentsOf(path)].some((parent) => replaced.has(parent));

  const inTheWay: PlannedTreeCommand[] = [];
  const assets: PlannedTreeCommand[] = [];
  const pages: PlannedTreeCommand[] = [];
  const symlinks: PlannedTreeCommand[] = [];
  const removals: PlannedTreeCommand[] = [];
  for (const [i, change] of input.changes.entries()) {
    if (i % sliceChanges === sliceChanges - 1) yield;
    checkChange(change);
    const { path } = change;
    if (change.after === undefined) {
      (made.has(path) || isUnderReplaced(path) ? inTheWay : removals).push({ do: 'remove', path });
    } else if (change.after.mode === '120000') {
      symlinks.push({ do: 'symlink', path, blob: change.after.id, mtime: input.mtimeOf(path) });
    } else {
      (isPage(path) ? pages : assets).push(fileCommand(change, input));
    }
  }
  const rmdirs = (early: boolean): PlannedTreeCommand[] =>
    directories.removed
      .filter((path) => (replaced.has(path) || isUnderReplaced(path)) === early)
      .map((path) => ({ do: 'rmdir', path }));
  return [
    ...inTheWay,
    ...rmdirs(true),
    ...directories.made.map((path): PlannedTreeCommand => ({ do: 'mkdir', path })),
    ...assets,
    ...pages,
    ...symlinks,
    ...removals,
    ...rmdirs(false),
  ];
}

/** Pages come after the assets they may name: `.html`, `.htm`, and index files without an extension. */
function isPage(path: string): boolean {
  return /(?:\.x?html?|(?:^|\/)(?:index|default))$/i.test(path);
}

function fileCommand({ path, before, after }: TreeChange, input: PlanInput): PlannedTreeCommand {
  const { id, mode } = after as { id: ObjectId; mode: '100644' | '100755' };
  const size = sizeOf(id, input);
  const mtime = input.mtimeOf(path);
  const base = before !== undefined && isFileMode(before.mode) ? before : undefined;
  if (base?.id === id) return { do: 'mode', path, mode, mtime, size };
  const from = input.copySources.get(id);
  // An empty file is made sooner than copied.
  if (from !== undefined && size > 0) return { do: 'copy', path, mode, blob: id, size, mtime, from };
  const write = { do: 'write', path, mode, blob: id, size, mtime } as const;
  return base === undefined
    ? write
    : { ...write, base: { from: path, blob: base.id, size: sizeOf(base.id, input) } };
}

function sizeOf(id: ObjectId, { sizes }: PlanInput): number {
  const size = sizes.get(id);
  if (size === undefined) throw new TreecastError('BUG', `the planner was not told the size of blob ${id}`);
  return size;
}

function checkChange({ path, after }: TreeChange): void {
  if (after === undefined) return;
  const problem = pathProblem(path);
  if (problem !== undefined) {
    throw new TreecastError('PATH_FORBIDDEN', `${JSON.stringify(path)} cannot be published: it ${problem}`, {
      fix: 'Rename it and push again.',
      data: { path },
    });
  }
  if (after.mode === submoduleMode) {
    throw new TreecastError(
      'SUBMODULE',
      `${JSON.stringify(path)} is a submodule, which cannot be published`,
      {
        fix: 'Commit its files themselves.',
        data: { path },
      },
    );
  }
  if (after.mode !== '120000' && !isFileMode(after.mode)) {
    throw new TreecastError(
      'PATH_FORBIDDEN',
      `${JSON.stringify(path)} has the mode ${after.mode}, which cannot be published`,
      {
        fix: 'Commit it again with a current Git, as a regular file or symlink.',
        data: { path },
      },
    );
  }
}
