// The decision: durable before the first commit message; from then on the job only goes forward (ARCHITECTURE §3.7).

import { compareReleases } from '../../model/release.ts';
import { emptyTreeId } from '../../model/tree.ts';
import { succeed } from './ending.ts';
import type { EventOf } from './events.ts';
import { limits } from './limits.ts';
import { announceSynchronized, noteLive } from './node-live.ts';
import { refuseReport, switchRefusal } from './refused-report.ts';
import { advanceRollout, beginRollout } from './rollout.ts';
import { carrySetback, clearSetback, setBack, setbackOf } from './setback.ts';
import type { Job, JobNodeState, SiteState, Snapshot } from './state.ts';
import { synchronize } from './synchronize.ts';
import {
  liveTreeOf,
  nodeSiteOf,
  runningJob,
  saveJobNode,
  servingMembers,
  siteOf,
  type Turn,
  takesPart,
} from './turn.ts';

/** What a participant may have been when it reports a setback. */
const setBackStates: readonly JobNodeState['state'][] = ['pending', 'held', 'staged', 'live'];

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
  site.lost = null;
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
  const rollout = beginRollout(turn, site, job);
  job.rollout = rollout;
  const told: string[] = [];
  for (const name of [...site.members].sort()) {
    const node = turn.state.nodes.get(name);
    if (node === undefined) continue;
    const nodeSite = nodeSiteOf(node, site.name);
    const isTold = node.connection !== null && !node.maintenance && rollout?.waiting.has(name) !== true;
    carrySetback(nodeSite, decision);
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
  advanceRollout(turn, site, job);
}

export function nodeSwitched(turn: Turn, event: EventOf<'nodeSwitched'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  const { release, tree } = event.receipt;
  if (site === undefined || node === undefined || release === null || tree === null) return;
  if (!takesPart(turn, site, event.node)) return;
  const nodeSite = nodeSiteOf(node, event.site);
  const refusal = switchRefusal(site, nodeSite, release, tree);
  if (refusal !== null) {
    refuseReport(turn, site, event.node, refusal);
    return;
  }
  const before = nodeSite.live;
  const { setback } = nodeSite;
  if (setback !== null && compareReleases(release, setback.release) >= 0) clearSetback(nodeSite);
  noteLive(turn, node, event.site, { release, tree });
  const last = site.lastDecision;
  // With another tree it carried out a lost decision of the same release (JOB-26).
  if (last !== null && compareReleases(last.release, release) === 0 && last.toTree === tree)
    nodeSite.lastDecision = last;
  nodeSite.error = setbackOf(site, nodeSite)?.error ?? null;
  nodeSite.synchronizingFrom = null;
  nodeSite.synchronizeAttempts = 0;
  const job = runningJob(turn, site);
  const state = job?.nodes.get(event.node);
  if (job?.phase === 'committing' && state !== undefined && tree === job.tree && state.state !== 'live') {
    participantLive(turn, site, job, event.node);
  } else if (
    nodeSite.phase === 'live' &&
    (before?.tree !== tree || (setback !== null && nodeSite.setback === null))
  ) {
    // With the right tree but a setback, it served what was there before, as far as others could see.
    const fromTree = before?.tree === tree ? (site.lastDecision?.fromTree ?? null) : (before?.tree ?? null);
    announceSynchronized(turn, site, node, fromTree);
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
  if (site === undefined || node === undefined || !takesPart(turn, site, event.node)) return;
  const nodeSite = nodeSiteOf(node, event.site);
  const decision = site.lastDecision;
  const isOfLast = decision !== null && compareReleases(decision.release, event.release) === 0;
  // It has the tree, but not everything that belongs to it; or it went back to its former one by itself (JOB-20, JOB-21).
  const isSetBack = isOfLast && (event.live?.tree === decision.toTree || event.error.code === 'PROBE_FAILED');
  if (isSetBack) setBack(nodeSite, event.release, event.error);
  else if (isOfLast) nodeSite.told = 'stale';
  noteLive(turn, node, event.site, event.live);
  const job = runningJob(turn, site);
  const state = job?.nodes.get(event.node);
  if (job?.phase === 'committing' && state !== undefined) {
    const isPending = job.type === 'rollback' && !isSetBack;
    if (isSetBack ? setBackStates.includes(state.state) : state.state === 'staged') {
      state.state = isPending ? 'pending' : 'stale';
      state.error = isPending ? null : event.error;
      saveJobNode(turn, job, event.node);
      settleCommit(turn, site, job);
    }
  }
  synchronize(turn, site, node);
}

/** Ends a committing job when nobody is left to wait for. */
export function settleCommit(turn: Turn, site: SiteState, job: Job): void {
  if (job.phase !== 'committing' || site.running !== job.id) return;
  advanceRollout(turn, site, job);
  const waitsForAll = job.type === 'rollback' || site.policy.autonomous;
  const isRollingOut = job.rollout !== null && job.rollout.batch !== null;
  const open = [...job.nodes.values()].some(
    (node) => node.state === 'staged' || (waitsForAll && (node.state === 'pending' || node.state === 'held')),
  );
  if (open || isRollingOut) return;
  succeed(turn, job);
  // A rollback that is about to start tells them another decision.
  const [next] = site.queued;
  if (next !== undefined && turn.state.jobs.get(next)?.type === 'rollback') return;
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
