// Whether paths of the live tree are as published, each read anew (STG-33). The caller sees to it that nothing else changes the site
// meanwhile, so that what is found is so.

import { createDirectoryHandles, entryIfReachable, parentOf } from './directory-handles.ts';
import { createInspector } from './inspect-entry.ts';
import { isTooLong } from './long-path.ts';
import type { SiteContext } from './site-context.ts';
import type { Drift } from './site-store.ts';
import { slotOf } from './state.ts';
import { IndexGap } from './tree-index.ts';
import { wantedAt } from './wanted-entry.ts';

/** How a path is named where people see it: the tree's own directory is `.`. */
export const rootName = '.';

/** What differs, sorted by path; directories above a path are looked at too. What is not known is not said to differ. */
export async function checkPaths(
  context: SiteContext,
  paths: Iterable<string>,
  signal?: AbortSignal,
): Promise<Drift[]> {
  const { disk, journal, layout, modes } = context;
  const live = slotOf(journal.state(), journal.state().live);
  if (!live?.held) return [];
  const handles = createDirectoryHandles(disk, layout.tree(live.directory));
  const inspector = createInspector({ disk, modes: modes(), signal });
  const drift: Drift[] = [];
  try {
    /** What is below a name that is not there is not there either, and is not looked for, however deep it would be. */
    let missing: string | undefined;
    for (const path of withParents(paths)) {
      const isBelow = missing !== undefined && path.startsWith(missing);
      const entry =
        path === '' ? layout.tree(live.directory) : isBelow ? undefined : entryIfReachable(handles, path);
      if (!isBelow && (entry === undefined || disk.lstat(entry) === undefined)) missing = `${path}/`;
      try {
        const problem = await inspector.problemWith(entry, wantedAt(context, live, path), isTooLong(path));
        if (problem) drift.push({ path: path === '' ? rootName : path, problem });
      } catch (error) {
        if (!(error instanceof IndexGap)) throw error;
      }
    }
  } finally {
    handles.close();
  }
  return drift;
}

/** Parents sort before what is below them. */
function withParents(paths: Iterable<string>): string[] {
  const all = new Set<string>();
  for (const named of paths) {
    let path = named === rootName ? '' : named;
    while (!all.has(path)) {
      all.add(path);
      if (path !== '') path = parentOf(path);
    }
  }
  return [...all].sort();
}
