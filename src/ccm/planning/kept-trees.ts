// Which trees of a repository are still needed: those that a site serves or may be rolled back to, and those that nodes hold.

import { emptyTreeIds, type ObjectId } from '../../model/tree.ts';
import type { CoreState, SiteState } from '../core/state.ts';

/** Releases that a site can be rolled back through, one after the other. */
const snapshotsMax = 20;

export function neededTrees(state: CoreState, repository: string): Set<ObjectId> {
  const needed = new Set<ObjectId>();
  const add = (tree: ObjectId | null | undefined) => {
    if (tree != null && !emptyTreeIds.includes(tree)) needed.add(tree);
  };
  for (const site of state.sites.values()) {
    if (site.repository !== repository) continue;
    for (const tree of returnableTrees(site)) add(tree);
    add(site.lastDecision?.toTree);
    add(site.lost?.decision.toTree);
    for (const node of state.nodes.values()) {
      const held = node.sites.get(site.name);
      add(held?.live?.tree);
      add(held?.backup?.tree);
      add(held?.staged?.tree);
    }
    for (const job of state.jobs.values()) {
      if (job.site !== site.name) continue;
      add(job.tree);
      add(job.baseTree);
    }
  }
  return needed;
}

function* returnableTrees(site: SiteState): Generator<ObjectId> {
  let snapshot = site.live ?? undefined;
  for (let count = 0; snapshot !== undefined && count < snapshotsMax; count++) {
    yield snapshot.tree;
    snapshot = snapshot.previous === null ? undefined : site.snapshots.get(snapshot.previous);
  }
}
