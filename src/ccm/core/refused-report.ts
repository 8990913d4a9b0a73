// What a node reports and cannot be so: it is written to the log with a code and changes nothing (JOB-31).

import { compareReleases, type Release } from '../../model/release.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { NodeSite, SiteState } from './state.ts';
import type { Turn } from './turn.ts';

export function refuseReport(turn: Turn, site: SiteState, node: string, message: string): void {
  const error: WireError = {
    code: 'RECEIPT_INVALID',
    message,
    fix: `look at the agent on ${node}; when nobody can say why, remove the node`,
  };
  turn.effects.push({
    do: 'log',
    actor: node,
    kind: 'node.report.refused',
    site: site.name,
    node,
    data: { error },
  });
}

/** Why a receipt of a switch is none: nobody decided that, or it is an old one shown again for the tree that is wanted now. */
export function switchRefusal(
  site: SiteState,
  { lastDecision: shown }: NodeSite,
  release: Release,
  tree: string,
): string | null {
  const decision = site.lastDecision;
  const order = decision === null ? 1 : compareReleases(release, decision.release);
  // A decision that the node showed at its hello is genuine, also when the database of this CCM has lost it (JOB-25).
  const isShown = shown !== null && compareReleases(release, shown.release) === 0 && tree === shown.toTree;
  if (order > 0) return isShown ? null : 'claims a switch that was not decided';
  if (order === 0 && tree !== decision?.toTree) return 'claims a switch to a tree that was not decided';
  if (order < 0 && tree === decision?.toTree) return 'shows an old receipt for the tree that is wanted now';
  return null;
}
