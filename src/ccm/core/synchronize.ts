// Bringing stale and new nodes to the last decision's tree (R8.5, N20): one assignment from where each is, built once a base.

import { compareReleases } from '../../model/release.ts';
import { emptyTreeIds, type ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { EventOf } from './events.ts';
import { limits } from './limits.ts';
import { isUnknownDecision } from './lost-history.ts';
import { isWithheld } from './setback.ts';
import type { NodeState, SiteState } from './state.ts';
import { baseTreeOf, nodeSiteOf, runningJob, saveNodeSite, siteOf, type Turn } from './turn.ts';

/** Starts bringing one node up to date, unless it is, cannot be now, or is on its way already. */
export function synchronize(turn: Turn, site: SiteState, node: NodeState): void {
  const decision = site.lastDecision;
  if (decision === null || node.connection === null || node.maintenance || !site.members.has(node.name))
    return;
  const nodeSite = nodeSiteOf(node, site.name);
  if (nodeSite.live?.tree === decision.toTree || isWithheld(turn.state, site, node.name)) return;
  // It knows a decision this database does not: it waits for the next one (JOB-26).
  if (nodeSite.lastDecision !== null && isUnknownDecision(site, nodeSite.lastDecision)) return;
  const job = runningJob(turn, site);
  const state = job?.nodes.get(node.name)?.state;
  const busyElsewhere =
    job !== undefined &&
    (job.phase === 'planning' || job.phase === 'staging') &&
    state !== 'left-out' &&
    state !== undefined;
  // A participant that is still staging the decided release needs nothing more.
  const onItsWay =
    job?.phase === 'committing' && job.type !== 'rollback' && (state === 'pending' || state === 'held');
  if (busyElsewhere || onItsWay || state === 'staged') return;
  // It may keep the tree as its backup: only when it says that it does not, bytes are built and sent.
  if (nodeSite.told === 'no') {
    nodeSite.told = 'yes';
    turn.effects.push({ do: 'send', nodes: [node.name], message: { type: 'decision', decision } });
  }
  if (nodeSite.told !== 'stale') return;
  const base = baseTreeOf(nodeSite, decision.toTree);
  if (nodeSite.synchronizingFrom === base) return;
  nodeSite.synchronizingFrom = base;
  const built = site.synchronizing.get(base);
  if (built === undefined) {
    site.synchronizing.set(base, 'building');
    turn.effects.push({
      do: 'build',
      job: null,
      site: site.name,
      bases: [base],
      target: decision.toTree,
      release: decision.release,
      type: emptyTreeIds.includes(base)
        ? 'replicate'
        : decision.kind === 'rollback'
          ? 'rollback'
          : 'synchronize',
    });
  } else if (built !== 'building') {
    turn.effects.push({
      do: 'deliver',
      site: site.name,
      nodes: [node.name],
      release: decision.release,
      assignments: built,
    });
  }
}

export function synchronizeBuilt(turn: Turn, site: SiteState, event: EventOf<'built'>): void {
  if (site.lastDecision === null || compareReleases(site.lastDecision.release, event.release) !== 0) return;
  for (const cohort of event.cohorts) {
    site.synchronizing.set(cohort.base, cohort.assignments);
    const nodes = waitingFrom(turn, site, cohort.base).map((node) => node.name);
    if (nodes.length > 0)
      turn.effects.push({
        do: 'deliver',
        site: site.name,
        nodes,
        release: event.release,
        assignments: cohort.assignments,
      });
  }
}

export function synchronizeBuildFailed(turn: Turn, site: SiteState, event: EventOf<'buildFailed'>): void {
  if (site.lastDecision === null || compareReleases(site.lastDecision.release, event.release) !== 0) return;
  for (const base of event.bases) {
    if (site.synchronizing.get(base) === 'building') site.synchronizing.delete(base);
    for (const node of waitingFrom(turn, site, base)) retryLater(turn, site, node, event.error);
  }
}

/** A node could not stage what was to synchronize it: told in its state, tried again with growing delays. */
export function synchronizeFailed(turn: Turn, event: EventOf<'nodeStageFailed'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  if (site === undefined || node === undefined) return;
  // An assignment of a release that is no longer the last: whatever replaced it decides.
  if (site.lastDecision === null || compareReleases(site.lastDecision.release, event.release) !== 0) return;
  const liveTree = event.error.code === 'BASE_MISMATCH' ? event.error.data?.['liveTree'] : undefined;
  if (typeof liveTree === 'string')
    nodeSiteOf(node, site.name).live = { release: event.release, tree: liveTree };
  retryLater(turn, site, node, event.error);
}

export function retrySynchronize(turn: Turn, siteName: string, nodeName: string): void {
  const site = siteOf(turn, siteName);
  const node = turn.state.nodes.get(nodeName);
  if (site === undefined || node === undefined) return;
  const nodeSite = nodeSiteOf(node, siteName);
  nodeSite.synchronizingFrom = null;
  if (nodeSite.told === 'yes') nodeSite.told = 'stale';
  synchronize(turn, site, node);
}

function waitingFrom(turn: Turn, site: SiteState, base: ObjectId): NodeState[] {
  return [...turn.state.nodes.values()].filter(
    (node) => node.connection !== null && node.sites.get(site.name)?.synchronizingFrom === base,
  );
}

function retryLater(turn: Turn, site: SiteState, node: NodeState, error: WireError): void {
  const nodeSite = nodeSiteOf(node, site.name);
  const delayMs = Math.min(
    limits.synchronizeDelayMs * 2 ** nodeSite.synchronizeAttempts,
    limits.synchronizeDelayMaxMs,
  );
  nodeSite.synchronizeAttempts += 1;
  nodeSite.error = error;
  saveNodeSite(turn, node, site.name);
  turn.effects.push(
    {
      do: 'setTimer',
      timer: { kind: 'synchronize', site: site.name, node: node.name },
      at: turn.now + delayMs,
    },
    {
      do: 'log',
      actor: node.name,
      kind: 'node.synchronize.failed',
      site: site.name,
      node: node.name,
      data: { error, delayMs },
    },
  );
}
