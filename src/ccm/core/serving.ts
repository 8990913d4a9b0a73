// Which members of a site the load balancers should send anybody to (R9.2, X13), from what the core knows. It changes nothing, and
// knows no balancer: whoever keeps them compares this with what they do.

import { releaseName } from '../../model/release.ts';
import { defaultSitePolicy } from '../../model/site.ts';
import { wantedTreeOf } from './lost-history.ts';
import { neededOf } from './readiness.ts';
import { setbackOf } from './setback.ts';
import type { CoreState, Job, NodeState, SiteState } from './state.ts';

export interface Serving {
  readonly node: string;
  readonly wanted: 'in' | 'out';
  /** In words for people. */
  readonly reason: string;
}

interface Judged extends Serving {
  /** It serves something, though not what it should, or out of sight: better than nobody. */
  readonly spare?: (typeof spares)[number];
}

/** In this order they are kept. */
const spares = ['former', 'failing', 'away'] as const;

/** Kept in service although they are stale, when the policy does not say how many. */
const minInServiceDefault = { count: 1, share: 0 };

/** Members by name; none for a site that is not known. */
export function servingOf(state: CoreState, siteName: string): Serving[] {
  const site = state.sites.get(siteName);
  if (site === undefined) return [];
  const members = [...site.members].sort().flatMap((name) => state.nodes.get(name) ?? []);
  const job = site.running === null ? undefined : state.jobs.get(site.running);
  const isCutOff = members.every(({ isAway, maintenance }) => isAway || maintenance);
  const judged = members.map((node) => judge(site, job, node, isCutOff));
  const { drain } = { ...defaultSitePolicy, ...site.policy };
  const needed = neededOf(
    drain?.minInService ?? minInServiceDefault,
    members.filter((node) => !node.maintenance).length,
  );
  let missing = needed - judged.filter(({ wanted }) => wanted === 'in').length;
  const kept = new Set<string>();
  for (const kind of spares) {
    for (const { node, spare } of judged) {
      if (spare !== kind || missing <= 0) continue;
      kept.add(node);
      missing -= 1;
    }
  }
  return judged.map(({ node, wanted, reason }) =>
    kept.has(node)
      ? {
          node,
          wanted: 'in',
          reason: `${reason}; kept in service, as fewer than ${needed} would serve without`,
        }
      : { node, wanted, reason },
  );
}

/**
 * `isCutOff`: nobody is here. Then it is this CCM that lost the network, or all agents are started anew, and the nodes serve on: what was
 * known of them last counts.
 */
function judge(site: SiteState, job: Job | undefined, node: NodeState, isCutOff: boolean): Judged {
  const is = (wanted: 'in' | 'out', reason: string): Serving => ({ node: node.name, wanted, reason });
  if (node.maintenance) return is('out', 'maintenance');
  const nodeSite = node.sites.get(site.name);
  const isHere = !node.isAway || isCutOff;
  if (nodeSite === undefined || nodeSite.live === null) return is('out', isHere ? 'empty' : 'not connected');
  if (!isHere) return { ...is('out', 'not connected'), spare: 'away' };
  const setback = setbackOf(site, nodeSite);
  if (setback?.error.code === 'DRAIN_FAILED') return is('in', setback.error.message);
  if (job !== undefined && isTakenOut(job, node.name))
    return is('out', job.release === null ? job.type : `${job.type} ${releaseName(job.release)}`);
  if (setback !== null) {
    const { code, message } = setback.error;
    const spare = nodeSite.live.tree === wantedTreeOf(site) ? 'failing' : 'former';
    return { ...is('out', `stale: ${message} [${code}]`), spare };
  }
  const wanted = wantedTreeOf(site);
  if (wanted === null || nodeSite.live.tree === wanted) return is('in', 'live');
  if (job !== undefined && isBeforeItsSwitch(job, node.name, nodeSite.live.tree))
    return is('in', 'serves the former tree until it is switched');
  return { ...is('out', 'stale'), spare: 'former' };
}

/** By the rollout of the running job, and not yet to be put back. One that ended stale there is as stale as any. */
function isTakenOut({ rollout, nodes }: Job, name: string): boolean {
  if (rollout === null || rollout.out.get(name) !== 'out' || nodes.get(name)?.state === 'stale') return false;
  return rollout.batch?.phase !== 'restoring' || !rollout.batch.nodes.has(name);
}

function isBeforeItsSwitch(job: Job, name: string, tree: string): boolean {
  if (job.phase !== 'committing' || tree !== job.baseTree) return false;
  // What a rollback undoes need not be reached any more.
  if (job.rollout?.isCut === true && job.rollout.waiting.has(name)) return true;
  const state = job.nodes.get(name)?.state;
  return state !== undefined && state !== 'live' && state !== 'stale' && state !== 'left-out';
}
