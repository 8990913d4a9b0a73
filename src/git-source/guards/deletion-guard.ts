// Refuses a tree that deletes a large share of what is live, so that an accident (an empty build, a wrong directory) is not published.

import type { ObjectId, TreeChange } from '../../model/tree.ts';
import type { GitSource } from '../git-source.ts';
import type { Violation } from './violation.ts';

export interface DeletionLimits {
  /** A share of the live files, 0 to 1. */
  readonly deleteShareMax: number;
  /** Fewer deletions than this are never refused. */
  readonly deleteFilesMin: number;
}

/** Paths count, not contents: a file that moved is gone from its old URL. */
export async function checkDeletions(
  source: GitSource,
  base: ObjectId,
  changes: readonly TreeChange[],
  limits: DeletionLimits,
): Promise<Violation[]> {
  let deleted = 0;
  for (const change of changes) if (change.before !== undefined && change.after === undefined) deleted += 1;
  if (deleted === 0 || deleted < limits.deleteFilesMin) return [];
  const live = await countFiles(source, base);
  if (deleted <= live * limits.deleteShareMax) return [];
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  return [
    {
      code: 'MASS_DELETE',
      path: null,
      text: `This tree deletes ${deleted} of ${live} live files (${percent(deleted / live)}); more than ${percent(limits.deleteShareMax)} is taken for an accident.`,
      fix: 'If it is meant, push again with: git push -o allow-delete',
    },
  ];
}

async function countFiles(source: GitSource, tree: ObjectId): Promise<number> {
  let files = 0;
  for await (const _ of source.listTree(tree)) files += 1;
  return files;
}
