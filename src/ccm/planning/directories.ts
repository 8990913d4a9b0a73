// Which of some paths are directories of a tree, as the planner asks.

import type { GitSource } from '../../git-source/git-source.ts';
import type { ObjectId } from '../../model/tree.ts';

export async function directoriesOf(
  source: GitSource,
  tree: ObjectId,
  paths: readonly string[],
): Promise<Set<string>> {
  const entries = await source.findEntries(tree, paths);
  return new Set([...entries].filter(([, { mode }]) => mode === '040000').map(([path]) => path));
}
