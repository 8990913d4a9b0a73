// What a node serves, as it said last: recorded, compared with what the site's last decision wants, and announced when a stale node caught up.

import type { HeldTree } from '../../model/messages.ts';
import { emptyTreeId } from '../../model/tree.ts';
import { wantedTreeOf } from './lost-history.ts';
import { setbackOf } from './setback.ts';
import type { NodeState, SiteState } from './state.ts';
import { nodeSiteOf, saveNodeSite, siteOf, type Turn } from './turn.ts';

/** `stale` when it is not the site's live tree, or is served with a setback (JOB-20). */
export function noteLive(turn: Turn, node: NodeState, siteName: string, live: HeldTree | null): void {
  const nodeSite = nodeSiteOf(node, siteName);
  if (live?.tree !== nodeSite.live?.tree) {
    nodeSite.backup = nodeSite.live ?? nodeSite.backup;
    nodeSite.liveSince = live === null ? null : turn.now;
  }
  nodeSite.live = live;
  if (nodeSite.staged !== null && nodeSite.staged.tree === live?.tree) nodeSite.staged = null;
  const site = siteOf(turn, siteName);
  const wanted = site === undefined ? null : wantedTreeOf(site);
  const setback = setbackOf(site, nodeSite);
  if (setback !== null) nodeSite.error = setback.error;
  if (live === null && wanted === null) nodeSite.phase = 'empty';
  else nodeSite.phase = live?.tree === wanted && setback === null ? 'live' : 'stale';
  saveNodeSite(turn, node, siteName);
}

/** A stale node serves the site's live tree, and no running job counts it: for whoever acts on what is served (caches, notices). */
export function announceSynchronized(
  turn: Turn,
  site: SiteState,
  node: NodeState,
  fromTree: string | null,
): void {
  if (site.live === null || site.lost !== null) return;
  turn.effects.push({
    do: 'log',
    actor: node.name,
    kind: 'node.synchronized',
    site: site.name,
    node: node.name,
    data: {
      // An empty node answered that the pages are missing.
      fromTree: fromTree ?? emptyTreeId(site.live.tree),
      toTree: site.live.tree,
      release: site.live.release,
    },
  });
}
