// When was this tree live before: lineages by tree, kept beside a site's snapshots, because every build asks and history only grows.

import type { ObjectId } from '../../model/tree.ts';
import type { Lineage, SiteState, Snapshot } from '../core/state.ts';

interface Index {
  /** Snapshots up to this id are in it. */
  newest: number;
  readonly byTree: Map<ObjectId, Lineage[]>;
}

const indexes = new WeakMap<ReadonlyMap<number, Snapshot>, Index>();

/** One for each release that made this tree, oldest first; a rollback or an unchanged publish adds none. */
export function liveLineagesOf(site: SiteState, tree: ObjectId): readonly Lineage[] {
  let index = indexes.get(site.snapshots);
  if (index === undefined) {
    index = { newest: 0, byTree: new Map() };
    for (const snapshot of site.snapshots.values()) add(index, snapshot);
    indexes.set(site.snapshots, index);
  }
  // Ids rise, and a site's newest snapshot is the one that is live.
  for (let id = index.newest + 1; id <= (site.live?.id ?? 0); id++) {
    const snapshot = site.snapshots.get(id);
    if (snapshot !== undefined) add(index, snapshot);
  }
  return index.byTree.get(tree) ?? [];
}

function add(index: Index, { id, tree, lineage }: Snapshot): void {
  index.newest = Math.max(index.newest, id);
  const known = index.byTree.get(tree) ?? [];
  if (known.length === 0) index.byTree.set(tree, known);
  if (!known.some((each) => each.contentSequence === lineage.contentSequence)) known.push(lineage);
}
