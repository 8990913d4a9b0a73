// What of a site's history its database has lost, as far as nodes have handed in decisions of this CCM that it does not know (JOB-25).
// It changes nothing; lost-decision.ts does.

import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases, releaseName } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { shortId } from './lines.ts';
import type { CoreState, SiteState } from './state.ts';

/** Whether this database knows nothing of the decision and should: it is above the site's last one, or another one of its release. */
export function isUnknownDecision(site: SiteState, decision: SignedDecision): boolean {
  // What a removed site of the same name was decided.
  if (decision.release.epoch <= site.formerEpoch) return false;
  const last = site.lastDecision;
  if (last === null) return true;
  const order = compareReleases(decision.release, last.release);
  return order > 0 || (order === 0 && !isSame(decision, last));
}

function isSame(one: SignedDecision, other: SignedDecision): boolean {
  return one.toTree === other.toTree && one.decidedAt === other.decidedAt;
}

/** What members should serve: the tree of the lost decision while there is one. */
export function wantedTreeOf(site: SiteState): ObjectId | null {
  return site.lost?.decision.toTree ?? site.live?.tree ?? null;
}

export function lostDecisionError(site: SiteState): WireError {
  const { lost } = site;
  const newer =
    lost === null
      ? 'a newer release'
      : `release ${releaseName(lost.decision.release)} (tree ${shortId(lost.decision.toTree)}), which ${lost.node} knows`;
  return {
    code: 'HISTORY_LOST',
    message: `the CCM’s database is older than what the servers of site ${site.name} serve: it knows nothing of ${newer}`,
    fix: `what is served stays as it is; publish what is wanted: push to ${site.branch}, or treecast publish ${site.name} --ref COMMIT`,
  };
}

/** A connected member knows a decision above the site's own: it follows only a new one, also one for the tree that is live. */
export function isOutranked(state: CoreState, site: SiteState): boolean {
  if (site.lost !== null) return true;
  return [...site.members].some((name) => {
    const node = state.nodes.get(name);
    const known = node?.sites.get(site.name)?.lastDecision;
    return node?.connection != null && known != null && isUnknownDecision(site, known);
  });
}
