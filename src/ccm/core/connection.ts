// Nodes come and go: what they hold is taken from their hello, what they missed is given to them (R8.5, N20).

import type { SiteHolding } from '../../model/messages.ts';
import { compareReleases } from '../../model/release.ts';
import { awaitReturn, participantLive, settleCommit } from './decision.ts';
import type { EventOf } from './events.ts';
import { limits } from './limits.ts';
import { noteDecision } from './lost-decision.ts';
import { isUnknownDecision } from './lost-history.ts';
import { announceSynchronized, noteLive } from './node-live.ts';
import { clearSetback, isWithheld, setbackOf } from './setback.ts';
import { consider, deliver } from './staging.ts';
import type { Job, NodeSite, NodeState, SiteState } from './state.ts';
import { synchronize } from './synchronize.ts';
import { nodeSiteOf, runningJob, saveJobNode, saveNodeSite, siteOf, type Turn } from './turn.ts';

export function nodeConnected(turn: Turn, event: EventOf<'nodeConnected'>): void {
  // A node that has just joined may be here before the configuration that names it.
  const isNew = !turn.state.nodes.has(event.node);
  const node = turn.state.nodes.get(event.node) ?? {
    name: event.node,
    connection: null,
    isAway: false,
    maintenance: false,
    sites: new Map(),
    unknownSites: new Map(),
  };
  turn.state.nodes.set(event.node, node);
  node.connection = event.connection;
  node.isAway = false;
  turn.effects.push(
    { do: 'clearTimer', timer: { kind: 'away', node: node.name } },
    {
      do: 'log',
      actor: node.name,
      kind: 'node.connected',
      node: node.name,
      ...(event.behind === undefined ? {} : { data: { behind: event.behind } }),
    },
    { do: 'welcome', node: node.name },
  );
  node.unknownSites.clear();
  for (const holding of event.sites) {
    if (isNew || mayHold(turn, node, holding)) adoptHolding(turn, node, holding);
    else
      turn.effects.push({ do: 'send', nodes: [node.name], message: { type: 'removed', site: holding.site } });
  }
  for (const site of turn.state.sites.values()) {
    if (!site.members.has(node.name)) continue;
    if (!event.sites.some((holding) => holding.site === site.name)) forgetHolding(turn, node, site);
    // The welcome's grant carries the last decision, unless the node must not hear of it yet.
    nodeSiteOf(node, site.name).told = isWithheld(turn.state, site, node.name) ? 'no' : 'yes';
    resume(turn, site, node);
    turn.toStart.add(site.name);
  }
}

export function nodeDisconnected(turn: Turn, event: EventOf<'nodeDisconnected'>): void {
  const node = turn.state.nodes.get(event.node);
  if (node === undefined || node.connection !== event.connection) return;
  node.connection = null;
  turn.effects.push({ do: 'log', actor: node.name, kind: 'node.disconnected', node: node.name });
  for (const nodeSite of node.sites.values()) {
    nodeSite.synchronizingFrom = null;
    nodeSite.told = 'no';
  }
  for (const site of turn.state.sites.values()) {
    const job = runningJob(turn, site);
    const state = job?.nodes.get(node.name)?.state;
    if (job !== undefined && (state === 'pending' || state === 'held' || state === 'staged'))
      awaitReturn(turn, job, node.name);
  }
  turn.effects.push({
    do: 'setTimer',
    timer: { kind: 'away', node: node.name },
    at: turn.now + limits.returnMs,
  });
}

/** It did not return in time: whoever counted on it goes on without it. */
export function nodeAway(turn: Turn, name: string): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || node.connection !== null) return;
  node.isAway = true;
  for (const site of turn.state.sites.values()) {
    const job = runningJob(turn, site);
    if (job?.rollout != null && site.members.has(name)) settleCommit(turn, site, job);
  }
}

/**
 * False for a site it left, or that was removed, while it was away. What this database cannot know, because it is an old copy, is left alone:
 * a site it never heard of, one made anew since, a membership of a site of which it has lost decisions.
 */
function mayHold(turn: Turn, node: NodeState, { site: name, live, lastDecision }: SiteHolding): boolean {
  const site = siteOf(turn, name);
  if (site !== undefined)
    return site.members.has(node.name) || (lastDecision !== null && isUnknownDecision(site, lastDecision));
  const removedEpoch = turn.state.removedSites.get(name);
  const epoch = lastDecision?.release.epoch ?? live?.release.epoch ?? 0;
  return removedEpoch === undefined || epoch > removedEpoch;
}

/** The hello is the truth about what a node holds. */
export function adoptHolding(turn: Turn, node: NodeState, holding: SiteHolding): void {
  const site = siteOf(turn, holding.site);
  if (site === undefined) {
    node.unknownSites.set(holding.site, holding);
    const { live, lastDecision } = holding;
    turn.effects.push({
      do: 'log',
      actor: node.name,
      kind: 'node.holds.unknown.site',
      node: node.name,
      data: { site: holding.site, tree: live?.tree ?? null, release: lastDecision?.release ?? null },
    });
    return;
  }
  if (holding.lastDecision !== null) noteDecision(turn, site, node.name, holding.lastDecision);
  const nodeSite = nodeSiteOf(node, holding.site);
  nodeSite.staged = holding.staged;
  nodeSite.lastDecision = holding.lastDecision;
  nodeSite.synchronizingFrom = null;
  const before = nodeSite.live;
  // Without a tree there is nothing that it could have gone back to.
  if (holding.live === null) clearSetback(nodeSite);
  noteLive(turn, node, holding.site, holding.live);
  const job = runningJob(turn, site);
  const state = job?.phase === 'committing' ? job.nodes.get(node.name)?.state : undefined;
  const isCounted = state !== undefined && state !== 'live' && state !== 'left-out';
  if (nodeSite.phase === 'live' && before?.tree !== holding.live?.tree && !isCounted)
    announceSynchronized(turn, site, node, before?.tree ?? null);
  nodeSite.backup = holding.backup;
}

function forgetHolding(turn: Turn, node: NodeState, site: SiteState): void {
  const nodeSite = nodeSiteOf(node, site.name);
  nodeSite.staged = null;
  nodeSite.backup = null;
  nodeSite.lastDecision = null;
  nodeSite.synchronizingFrom = null;
  clearSetback(nodeSite);
  noteLive(turn, node, site.name, null);
}

/** Takes the node's part in the site's running job up again, or brings it up to date. */
function resume(turn: Turn, site: SiteState, node: NodeState): void {
  const job = runningJob(turn, site);
  const nodeSite = nodeSiteOf(node, site.name);
  const staged = nodeSite.staged;
  if (staged !== null && !belongs(site, job, staged.release)) {
    turn.effects.push({
      do: 'send',
      nodes: [node.name],
      message: { type: 'abort', site: site.name, release: staged.release },
    });
  }
  const state = job?.nodes.get(node.name);
  if (job !== undefined && state !== undefined) {
    turn.effects.push({ do: 'clearTimer', timer: { kind: 'lost', job: job.id, node: node.name } });
    keepTurn(turn, site, job, node);
    if (
      job.phase === 'committing' &&
      nodeSite.live?.tree === job.tree &&
      setbackOf(site, nodeSite) === null &&
      state.state !== 'live' &&
      state.state !== 'left-out'
    ) {
      participantLive(turn, site, job, node.name);
    } else if (
      job.phase === 'staging' &&
      (state.state === 'pending' || state.state === 'held' || state.state === 'staged')
    ) {
      resumeStaging(turn, site, job, node);
    } else if (
      job.phase === 'committing' &&
      job.type === 'publish' &&
      (state.state === 'pending' || state.state === 'held')
    ) {
      deliver(turn, site, job, [node.name]);
    }
    // A rollout may have waited for one more in service.
    if (job.rollout !== null) settleCommit(turn, site, job);
  }
  saveNodeSite(turn, node, site.name);
  synchronize(turn, site, node);
}

function belongs(
  site: SiteState,
  job: Job | undefined,
  release: { epoch: number; sequence: number },
): boolean {
  const running = job?.release;
  if (running != null && compareReleases(running, release) === 0) return true;
  return site.lastDecision !== null && compareReleases(site.lastDecision.release, release) === 0;
}

/** Its place in a rollout: a node that got lost before its turn has it still when it holds what it staged, and none when it does not (JOB-19). */
function keepTurn(turn: Turn, site: SiteState, job: Job, node: NodeState): void {
  const { rollout } = job;
  const state = job.nodes.get(node.name);
  if (rollout === null || rollout.isCut || state === undefined || job.phase !== 'committing') return;
  const nodeSite = nodeSiteOf(node, site.name);
  const { live, lastDecision } = nodeSite;
  const hasStaged = holdsStaged(job, nodeSite);
  const isWaiting = rollout.waiting.has(node.name);
  if (state.state === 'staged' && isWaiting && !hasStaged && live?.tree !== job.tree) {
    state.state = 'stale';
    state.error = { code: 'STAGE_FAILED', message: 'came back without what it had staged' };
    saveJobNode(turn, job, node.name);
    return;
  }
  if (isWaiting && hasStaged && (state.state === 'pending' || state.state === 'held')) {
    state.state = 'staged';
    state.stagedAt = turn.now;
    saveJobNode(turn, job, node.name);
    return;
  }
  const knows =
    lastDecision !== null && job.release !== null && compareReleases(lastDecision.release, job.release) === 0;
  if (state.state !== 'stale' || state.error?.code !== 'NODE_LOST' || !hasStaged || knows || live === null)
    return;
  state.state = 'staged';
  state.error = null;
  rollout.waiting.add(node.name);
  nodeSite.told = 'no';
  saveJobNode(turn, job, node.name);
}

function holdsStaged(job: Job, { staged }: NodeSite): boolean {
  return (
    staged !== null &&
    job.release !== null &&
    compareReleases(staged.release, job.release) === 0 &&
    staged.tree === job.tree
  );
}

function resumeStaging(turn: Turn, site: SiteState, job: Job, node: NodeState): void {
  const state = job.nodes.get(node.name);
  if (state === undefined || job.release === null) return;
  if (!holdsStaged(job, nodeSiteOf(node, site.name))) {
    state.state = 'pending';
    saveJobNode(turn, job, node.name);
    deliver(turn, site, job, [node.name]);
    return;
  }
  if (state.state !== 'staged') {
    state.state = 'staged';
    state.stagedAt = turn.now;
    saveJobNode(turn, job, node.name);
  }
  consider(turn, site, job);
}
