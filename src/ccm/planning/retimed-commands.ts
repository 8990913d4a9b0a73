// Paths that a stale node has with the right content and an old time: changed and changed back since its tree was live. No diff shows
// them, but every node must have the same times (N22).

import { isFileMode } from '../../delta/copy-sources.ts';
import type { PlannedTreeCommand } from '../../delta/planned-command.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import type { ObjectId, TreeChange, TreeEntry } from '../../model/tree.ts';
import type { SiteState } from '../core/state.ts';
import type { TargetTimes } from './builds.ts';
import { liveLineagesOf } from './live-lineages.ts';
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

/** Looked at together: what is in memory beside the commands themselves. */
const sliceEntries = 2_000;

export async function retimedCommands(request: RetimedRequest): Promise<PlannedTreeCommand[]> {
  const { site, source, pathTimes, changes, times } = request;
  const changed = new Set(changes.map((change) => change.path));
  const commands: PlannedTreeCommand[] = [];
  for await (const suspects of suspectSlices(request)) {
    const entries = suspects.filter(({ path }) => !changed.has(path));
    const paths = entries.map(({ path }) => path);
    const lineageTimes = await pathTimes.ofTree(site.name, times.before ?? times.lineage, paths);
    const files = entries.filter(({ mode }) => isFileMode(mode));
    const sizes = await source.blobSizes(files.map(({ id }) => id));
    const sizeOf = new Map(files.map(({ path }, index) => [path, sizes[index] as number]));
    for (const { path, mode, id } of entries) {
      const mtime = times.changed.get(path) ?? lineageTimes.get(path) ?? times.lineage.baseMtime;
      if (isFileMode(mode))
        commands.push({ do: 'mode', path, mode, mtime, size: sizeOf.get(path) as number });
      else if (mode === '120000') commands.push({ do: 'symlink', path, blob: id, mtime });
    }
  }
  return commands;
}

/** A change and its revert make the same tree with other times: a node may hold either. */
export function wasLiveTwice(site: SiteState, tree: ObjectId): boolean {
  return liveLineagesOf(site, tree).length > 1;
}

/** Entries of the target tree whose time may differ from the base tree's. */
async function* suspectSlices(request: RetimedRequest): AsyncGenerator<TreeEntry[]> {
  const { site, source, pathTimes, base, target, times } = request;
  const known = liveLineagesOf(site, base);
  const isOfThisLineage =
    known.length > 0 && known.every((lineage) => lineage.baseSequence === times.lineage.baseSequence);
  if (!isOfThisLineage) {
    // Nothing is known of the times that the node has: every path gets its own.
    yield* slicesOf(source.listTree(target));
    return;
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
  for await (const slice of slicesOf(paths)) {
    const found = await source.findEntries(target, slice);
    yield [...found].map(([path, side]) => ({ path, ...side }));
  }
}

async function* slicesOf<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[]> {
  let slice: T[] = [];
  for await (const item of items) {
    slice.push(item);
    if (slice.length < sliceEntries) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}
