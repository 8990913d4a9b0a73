// New files whose content the base tree has elsewhere, also where nothing changed: they are copied and cost no bytes (R2.1).

import { isFileMode } from '../../delta/copy-sources.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import { emptyTreeIds, type ObjectId, type TreeChange } from '../../model/tree.ts';

/** Adds to `sources` a path of the base tree for each new path's blob that has one; reads the base only when there are new paths. */
export async function addUnchangedCopySources(
  source: GitSource,
  base: ObjectId,
  changes: readonly TreeChange[],
  sources: Map<ObjectId, string>,
): Promise<void> {
  if (emptyTreeIds.includes(base)) return;
  const wanted = new Set<ObjectId>();
  for (const { before, after } of changes) {
    if (before === undefined && after !== undefined && isFileMode(after.mode) && !sources.has(after.id))
      wanted.add(after.id);
  }
  if (wanted.size === 0) return;
  for await (const entry of source.listTree(base)) {
    if (!wanted.has(entry.id) || !isFileMode(entry.mode)) continue;
    sources.set(entry.id, entry.path);
    wanted.delete(entry.id);
    if (wanted.size === 0) return;
  }
}
