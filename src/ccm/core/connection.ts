// Nodes come and go: what they hold is taken from their hello, what they missed is given to them (R8.5, N20).

import type { SiteHolding } from '../../model/messages.ts';
import { compareReleases } from '../../model/release.ts';
import { awaitReturn, noteLive, participantLive } from './decision.ts';
import type { EventOf } from './events.ts';
import { consider, deliver } from './staging.ts';
import type { Job, NodeState, SiteState } from './state.ts';
import { synchronize } from './synchronize.ts';
import { nodeSiteOf, runningJob, saveJobNode, saveNodeSite, siteOf, type Turn } from './turn.ts';

export function nodeConnected(turn: Turn, event: EventOf<'nodeConnected'>): void {
  // A node that has just joined may be here before the configuration that names it.
  const isNew = !turn.state.nodes.has(event.node);
  const node = turn.state.nodes.get(event.node) ?? {
    name: event.node,
    connection: null,
    maintenance: false,
    sites: new Map(),
  };
  turn.state.nodes.set(event.node, node);
  node.connection = event.connection;
  turn.effects.push(
    { do: 'log', actor: node.name, kind: 'node.connected', node: node.name },
    { do: 'welcome', node: node.name },
  );
  for (const holding of event.sites) {
    if (isNew || mayHold(turn, node, holding.site)) adoptHolding(turn, node, holding);
    else
      turn.effects.push({ do: 'send', nodes: [node.name], message: { type: 'removed', site: holding.site } });
  }
  for (const site of turn.state.sites.values()) {
    if (!site.members.has(node.name)) continue;
    if (!event.sites.some((holding) => holding.site === site.name)) forgetHolding(turn, node, site);
    // The welcome's grant carries the last decision.
    nodeSiteOf(node, site.name).told = 'yes';
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
}

/** False for a site it left, or that was removed, while it was away. One this CCM never heard of is left alone: its database may be an old copy. */
function mayHold(turn: Turn, node: NodeState, siteName: string): boolean {
  const site = siteOf(turn, siteName);
  return site === undefined ? !turn.state.removedSites.has(siteName) : site.members.has(node.name);
}

/** The hello is the truth about what a node holds. */
function adoptHolding(turn: Turn, node: NodeState, holding: SiteHolding): void {
  const site = siteOf(turn, holding.site);
  if (site === undefined) return;
  const nodeSite = nodeSiteOf(node, holding.site);
  nodeSite.staged = holding.staged;
  nodeSite.lastDecision = holding.lastDecision;
  nodeSite.synchronizingFrom = null;
  noteLive(turn, node, holding.site, holding.live);
  nodeSite.backup = holding.backup;
  if (
    holding.lastDecision !== null &&
    (site.lastDecision === null ||
      compareReleases(holding.lastDecision.release, site.lastDecision.release) > 0)
  ) {
    raiseEpoch(turn, site, node, holding.lastDecision.release.epoch, holding.lastDecision.release.sequence);
  }
}

/** A node knows a decision this CCM never made: its database was restored from a backup (ARCHITECTURE §4). The driver verified the signature. */
function raiseEpoch(turn: Turn, site: SiteState, node: NodeState, epoch: number, sequence: number): void {
  if (site.epoch > epoch) return;
  site.epoch = epoch + 1;
  site.sequence = Math.max(site.sequence, sequence);
  turn.effects.push(
    { do: 'saveSite', site: site.name },
    {
      do: 'log',
      actor: node.name,
      kind: 'epoch.raised',
      site: site.name,
      node: node.name,
      data: { epoch: site.epoch, sequence },
    },
  );
}

function forgetHolding(turn: Turn, node: NodeState, site: SiteState): void {
  const nodeSite = nodeSiteOf(node, site.name);
  nodeSite.staged = null;
  nodeSite.backup = null;
  nodeSite.lastDecision = null;
  nodeSite.synchronizingFrom = null;
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
    if (
      job.phase === 'committing' &&
      nodeSite.live?.tree === job.tree &&
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

function resumeStaging(turn: Turn, site: SiteState, job: Job, node: NodeState): void {
  const state = job.nodes.get(node.name);
  const staged = nodeSiteOf(node, site.name).staged;
  if (state === undefined || job.release === null) return;
  const hasStaged =
    staged !== null && compareReleases(staged.release, job.release) === 0 && staged.tree === job.tree;
  if (!hasStaged) {
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
