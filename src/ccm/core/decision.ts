// The decision: durable before the first commit message; from then on the job only goes forward (ARCHITECTURE §3.7).

import type { HeldTree } from '../../model/messages.ts';
import { compareReleases } from '../../model/release.ts';
import { emptyTreeId } from '../../model/tree.ts';
import { succeed } from './ending.ts';
import type { EventOf } from './events.ts';
import { limits } from './limits.ts';
import type { Job, NodeState, SiteState, Snapshot } from './state.ts';
import { synchronize } from './synchronize.ts';
import {
  liveTreeOf,
  nodeSiteOf,
  runningJob,
  saveJobNode,
  saveNodeSite,
  servingMembers,
  siteOf,
  type Turn,
} from './turn.ts';

export function decide(turn: Turn, site: SiteState, job: Job, returnsTo?: Snapshot): void {
  const { release, tree } = job;
  const lineage = returnsTo?.lineage ?? job.lineage;
  if (release === null || tree === null || lineage === null)
    throw new Error(`job ${job.id} decides without a release`);
  const former = site.live;
  const decision = turn.sign({
    version: 1,
    site: site.name,
    release,
    kind: returnsTo === undefined ? 'commit' : 'rollback',
    fromTree: liveTreeOf(site),
    toTree: tree,
    decidedAt: turn.now,
  });
  const snapshot: Snapshot = {
    id: turn.state.nextSnapshotId++,
    site: site.name,
    job: job.id,
    release,
    commit: job.commit,
    baseTree: former?.tree ?? emptyTreeId(tree),
    tree,
    at: turn.now,
    previous: returnsTo === undefined ? (former?.id ?? null) : returnsTo.previous,
    lineage,
  };
  site.live = snapshot;
  site.snapshots.set(snapshot.id, snapshot);
  site.lastDecision = decision;
  site.synchronizing.clear();
  job.phase = 'committing';
  job.decidedAt = turn.now;
  job.lastProgressAt = turn.now;
  turn.effects.push(
    { do: 'insertSnapshot', snapshot },
    { do: 'insertDecision', decision, job: job.id },
    { do: 'saveSite', site: site.name },
    { do: 'saveJob', job: job.id },
    {
      do: 'log',
      actor: 'ccm',
      kind: `decision.${decision.kind}`,
      site: site.name,
      job: job.id,
      data: { release, fromTree: decision.fromTree, toTree: tree },
    },
    { do: 'progressed', job: job.id },
    { do: 'setTimer', timer: { kind: 'stalled', job: job.id }, at: turn.now + limits.settleMs },
  );
  const told: string[] = [];
  for (const name of [...site.members].sort()) {
    const node = turn.state.nodes.get(name);
    if (node === undefined) continue;
    const nodeSite = nodeSiteOf(node, site.name);
    const isTold = node.connection !== null && !node.maintenance;
    nodeSite.synchronizingFrom = null;
    nodeSite.synchronizeAttempts = 0;
    nodeSite.told = isTold ? 'yes' : 'no';
    // Who did not stage it serves a former tree from this moment on.
    if (job.nodes.get(name)?.state !== 'staged') noteLive(turn, node, site.name, nodeSite.live);
    if (isTold) told.push(name);
  }
  // An autonomous site's decision follows its assignment; staging.ts sends both.
  if (!site.policy.autonomous || returnsTo !== undefined)
    turn.effects.push({ do: 'send', nodes: told, message: { type: 'decision', decision } });
}

export function nodeSwitched(turn: Turn, event: EventOf<'nodeSwitched'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  const { release, tree } = event.receipt;
  if (site === undefined || node === undefined || release === null || tree === null) return;
  const nodeSite = nodeSiteOf(node, event.site);
  noteLive(turn, node, event.site, { release, tree });
  nodeSite.lastDecision =
    site.lastDecision !== null && compareReleases(site.lastDecision.release, release) === 0
      ? site.lastDecision
      : nodeSite.lastDecision;
  nodeSite.error = null;
  nodeSite.synchronizingFrom = null;
  nodeSite.synchronizeAttempts = 0;
  const job = runningJob(turn, site);
  const state = job?.nodes.get(event.node);
  if (job?.phase === 'committing' && state !== undefined && tree === job.tree && state.state !== 'live') {
    participantLive(turn, site, job, event.node);
  }
  synchronize(turn, site, node);
}

/** One more node of a committing job serves its tree. */
export function participantLive(turn: Turn, site: SiteState, job: Job, node: string): void {
  const state = job.nodes.get(node);
  if (state === undefined) return;
  state.state = 'live';
  state.stagedAt ??= turn.now;
  state.liveAt = turn.now;
  job.lastProgressAt = turn.now;
  saveJobNode(turn, job, node);
  settleCommit(turn, site, job);
}

export function nodeStale(turn: Turn, event: EventOf<'nodeStale'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  if (site === undefined || node === undefined) return;
  noteLive(turn, node, event.site, event.live);
  if (site.lastDecision !== null && compareReleases(site.lastDecision.release, event.release) === 0)
    nodeSiteOf(node, event.site).told = 'stale';
  const job = runningJob(turn, site);
  const state = job?.nodes.get(event.node);
  if (job?.phase === 'committing' && state?.state === 'staged') {
    state.state = job.type === 'rollback' ? 'pending' : 'stale';
    state.error = job.type === 'rollback' ? null : event.error;
    saveJobNode(turn, job, event.node);
    settleCommit(turn, site, job);
  }
  synchronize(turn, site, node);
}

/** Records what a node serves; `stale` when it is not the site's live tree. */
export function noteLive(turn: Turn, node: NodeState, siteName: string, live: HeldTree | null): void {
  const nodeSite = nodeSiteOf(node, siteName);
  if (live?.tree !== nodeSite.live?.tree) {
    nodeSite.backup = nodeSite.live ?? nodeSite.backup;
    nodeSite.liveSince = live === null ? null : turn.now;
  }
  nodeSite.live = live;
  if (nodeSite.staged !== null && nodeSite.staged.tree === live?.tree) nodeSite.staged = null;
  const wanted = turn.state.sites.get(siteName)?.live?.tree ?? null;
  nodeSite.phase =
    live === null ? (wanted === null ? 'empty' : 'stale') : live.tree === wanted ? 'live' : 'stale';
  saveNodeSite(turn, node, siteName);
}

/** Ends a committing job when nobody is left to wait for. */
export function settleCommit(turn: Turn, site: SiteState, job: Job): void {
  if (job.phase !== 'committing' || site.running !== job.id) return;
  const waitsForAll = job.type === 'rollback' || site.policy.autonomous;
  const open = [...job.nodes.values()].some(
    (node) => node.state === 'staged' || (waitsForAll && (node.state === 'pending' || node.state === 'held')),
  );
  if (open) return;
  succeed(turn, job);
  for (const node of servingMembers(turn, site)) synchronize(turn, site, node);
}

/** Ends a committing job although some have not answered: they are stale, and synchronized. */
export function settleWithout(turn: Turn, site: SiteState, job: Job, why: string): void {
  for (const [name, state] of job.nodes) {
    if (state.state !== 'staged' && state.state !== 'pending' && state.state !== 'held') continue;
    state.state = 'stale';
    state.error = { code: 'SWITCH_FAILED', message: why, fix: `look at the agent on ${name}` };
    saveJobNode(turn, job, name);
  }
  settleCommit(turn, site, job);
}

/** A participant that went away has a bounded time to return. */
export function awaitReturn(turn: Turn, job: Job, node: string): void {
  turn.effects.push({
    do: 'setTimer',
    timer: { kind: 'lost', job: job.id, node },
    at: turn.now + limits.returnMs,
  });
}
