// The guards: judges a wanted tree before any ref moves (and again in the planner). Works on what differs from the live tree, so its cost
// is that of the change; a live tree was judged when it was pushed.

import { emptyTreeIds, type ObjectId, submoduleMode, type TreeChange } from '../../model/tree.ts';
import { nextTurn } from '../../slices/slices.ts';
import type { GitSource } from '../git-source.ts';
import { checkContents } from './content-guard.ts';
import { checkDeletions, type DeletionLimits } from './deletion-guard.ts';
import { findNameClashes } from './name-clash-guard.ts';
import { checkPath } from './path-guard.ts';
import { checkSymlinks } from './symlink-guard.ts';
import { type Violation, violationsMax } from './violation.ts';

export interface TreeCheck {
  readonly source: GitSource;
  /** The live tree, or an empty tree's id when nothing is live. */
  readonly base: ObjectId;
  readonly target: ObjectId;
  /** `source.diffTrees(base, target)`; what that throws is turned into a violation by {@link violationOf}. */
  readonly changes: readonly TreeChange[];
  readonly options: TreeCheckOptions;
}

export interface TreeCheckOptions extends DeletionLimits {
  /** Whether names may differ by case or by the spelling of accents alone. */
  readonly allowClashes: boolean;
  /** `git push -o allow-delete`. */
  readonly allowDelete: boolean;
}

const changesPerTurn = 4_096;

/** Empty when the tree may be published; at most a thousand otherwise. */
export async function checkTree(check: TreeCheck): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (let at = 0; at < check.changes.length && violations.length < violationsMax; at += changesPerTurn) {
    if (at > 0) await nextTurn();
    for (const change of check.changes.slice(at, at + changesPerTurn)) {
      if (change.after !== undefined) violations.push(...checkEntry(change, change.after.mode));
    }
  }
  if (!check.options.allowClashes) {
    violations.push(...(await findNameClashes({ ...check, baseIsEmpty: isEmpty(check.base) })));
  }
  violations.push(...(await checkContents(check.source, check.changes)));
  violations.push(...(await checkSymlinks(check.source, check.target, check.changes, isEmpty(check.base))));
  if (!check.options.allowDelete) {
    violations.push(...(await checkDeletions(check.source, check.base, check.changes, check.options)));
  }
  return violations.slice(0, violationsMax);
}

function checkEntry(change: TreeChange, mode: string): Violation[] {
  const violation = checkPath(change.path);
  if (mode !== submoduleMode) return violation ? [violation] : [];
  return [
    ...(violation ? [violation] : []),
    {
      code: 'SUBMODULE',
      path: change.path,
      text: 'is a submodule; its content is in another repository and is not published.',
      fix: 'Remove the submodule (git rm) and add the files themselves.',
    },
  ];
}

function isEmpty(tree: ObjectId): boolean {
  return emptyTreeIds.includes(tree);
}
