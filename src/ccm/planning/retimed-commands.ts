// Paths that a stale node has with the right content and an old time: changed and changed back since its tree was live. No diff shows
// them, but every node must have the same times (N22).

import { isFileMode } from '../../delta/copy-sources.ts';
import type { PlannedCommand } from '../../delta/planned-command.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import type { ObjectId, TreeChange, TreeSide } from '../../model/tree.ts';
import type { SiteState } from '../core/state.ts';
import type { TargetTimes } from './builds.ts';
import type { PathTimes } from './path-times.ts';

export interface RetimedRequest {
  readonly site: SiteState;
  readonly source: GitSource;
  readonly pathTimes: PathTimes;
  readonly base: ObjectId;
  readonly target: ObjectId;
  /** Base to target: their paths get new times anyway. */
  readonly changes: readonly TreeChange[];
  readonly times: TargetTimes;
}

export async function retimedCommands(request: RetimedRequest): Promise<PlannedCommand[]> {
  const { site, source, pathTimes, changes, times } = request;
  const changed = new Set(changes.map((change) => change.path));
  const entries = new Map([...(await suspects(request))].filter(([path]) => !changed.has(path)));
  if (entries.size === 0) return [];
  const lineageTimes = await pathTimes.ofTree(site.name, times.before ?? times.lineage, entries.keys());
  const paths = [...entries.keys()];
  const files = paths.filter((path) => isFileMode(entries.get(path)?.mode ?? ''));
  const sizes = await source.blobSizes(files.map((path) => (entries.get(path) as TreeSide).id));
  const sizeOf = new Map(files.map((path, index) => [path, sizes[index] as number]));
  return paths.flatMap((path): PlannedCommand[] => {
    const { mode, id } = entries.get(path) as TreeSide;
    const mtime = times.changed.get(path) ?? lineageTimes.get(path) ?? times.lineage.baseMtime;
    if (isFileMode(mode)) return [{ do: 'mode', path, mode, mtime, size: sizeOf.get(path) as number }];
    return mode === '120000' ? [{ do: 'symlink', path, blob: id, mtime }] : [];
  });
}

/** A change and its revert make the same tree with other times: a node may hold either. */
export function wasLiveTwice(site: SiteState, tree: ObjectId): boolean {
  const sequences = new Set<number>();
  for (const snapshot of site.snapshots.values()) {
    if (snapshot.tree === tree) sequences.add(snapshot.lineage.contentSequence);
  }
  return sequences.size > 1;
}

/** Entries of the target tree whose time may differ from the base tree's. */
async function suspects({
  site,
  source,
  pathTimes,
  base,
  target,
  times,
}: RetimedRequest): Promise<Map<string, TreeSide>> {
  const known = [...site.snapshots.values()]
    .filter((snapshot) => snapshot.tree === base)
    .map((snapshot) => snapshot.lineage);
  const isOfThisLineage =
    known.length > 0 && known.every((lineage) => lineage.baseSequence === times.lineage.baseSequence);
  if (!isOfThisLineage) {
    const all = new Map<string, TreeSide>();
    for await (const { path, mode, id } of source.listTree(target)) all.set(path, { mode, id });
    return all;
  }
  // The same tree may have been live more than once; the widest range holds every path in question.
  const sequences = [
    ...known.map((lineage) => lineage.contentSequence),
    (times.before ?? times.lineage).contentSequence,
  ];
  const paths = new Set([
    ...pathTimes.changedBetween(site.name, Math.min(...sequences), Math.max(...sequences)),
    ...times.changed.keys(),
  ]);
  return new Map(await source.findEntries(target, [...paths]));
}
