// The CCM's one writer: deterministic, synchronous, no clock, no I/O. State in, event in, effects out.
// A request that cannot be taken throws TreecastError before anything was changed.

import type { Decision, SignedDecision } from '../../model/receipt.ts';
import { configured } from './configured.ts';
import { nodeAway, nodeConnected, nodeDisconnected } from './connection.ts';
import { awaitReturn, nodeStale, nodeSwitched, settleCommit } from './decision.ts';
import type { Effect } from './effects.ts';
import { endJob } from './ending.ts';
import type { CoreEvent, EventOf } from './events.ts';
import { limits } from './limits.ts';
import { noteLive } from './node-live.ts';
import { nodeHeld } from './node-progress.ts';
import { abortRequested, publishRequested, rollbackRequested, startNext } from './queue.ts';
import { beginRolloutAgain } from './rollout.ts';
import { drained, restored } from './rollout-answers.ts';
import { servingSites } from './serving-sites.ts';
import {
  assignmentsMissing,
  jobBuilt,
  jobStalled,
  nodeStaged,
  nodeStageFailed,
  participantLost,
  undoStaging,
} from './staging.ts';
import type { CoreState, Job, SiteState } from './state.ts';
import {
  retrySynchronize,
  synchronizeBuildFailed,
  synchronizeBuilt,
  synchronizeFailed,
} from './synchronize.ts';
import { nodeSiteOf, runningJob, siteOf, type Turn } from './turn.ts';

export function apply(
  state: CoreState,
  event: CoreEvent,
  now: number,
  sign: (decision: Decision) => SignedDecision,
): Effect[] {
  const turn: Turn = { state, now, sign, effects: [], toStart: new Set() };
  handle(turn, event);
  while (turn.toStart.size > 0) {
    const names = [...turn.toStart].sort();
    turn.toStart.clear();
    for (const name of names) {
      const site = siteOf(turn, name);
      if (site !== undefined) startNext(turn, site);
    }
  }
  for (const site of servingSites(turn, event)) turn.effects.push({ do: 'servingChanged', site });
  return turn.effects;
}

function handle(turn: Turn, event: CoreEvent): void {
  switch (event.type) {
    case 'publishRequested':
      publishRequested(turn, event);
      return;
    case 'rollbackRequested':
      rollbackRequested(turn, event);
      return;
    case 'abortRequested':
      abortRequested(turn, event);
      return;
    case 'configured':
      configured(turn, event);
      return;
    case 'nodeConnected':
      nodeConnected(turn, event);
      return;
    case 'nodeDisconnected':
      nodeDisconnected(turn, event);
      return;
    case 'nodeHeld':
    case 'nodeProgress':
      nodeHeld(turn, event);
      return;
    case 'nodeStaged':
      nodeStaged(turn, event);
      return;
    case 'nodeStageFailed':
      if (!nodeStageFailed(turn, event)) synchronizeFailed(turn, event);
      return;
    case 'nodeSwitched':
      nodeSwitched(turn, event);
      return;
    case 'nodeStale':
      nodeStale(turn, event);
      return;
    case 'nodeUndone':
      nodeUndone(turn, event);
      return;
    case 'built':
      built(turn, event);
      return;
    case 'buildFailed':
      buildFailed(turn, event);
      return;
    case 'assignmentsMissing':
      assignmentsMissing(turn, event);
      return;
    case 'drained':
    case 'restored':
      balancersAnswered(turn, event);
      return;
    case 'started':
      started(turn);
      return;
    case 'timer':
      timer(turn, event);
      return;
  }
}

/** What ran before this start goes on: its timers died with the former process. */
function started(turn: Turn): void {
  for (const site of turn.state.sites.values()) {
    turn.toStart.add(site.name);
    const job = runningJob(turn, site);
    if (job === undefined) continue;
    job.lastProgressAt = turn.now;
    turn.effects.push({
      do: 'setTimer',
      timer: { kind: 'stalled', job: job.id },
      at: turn.now + limits.settleMs,
    });
    if (job.phase === 'committing') goOn(turn, site, job);
  }
  for (const node of turn.state.nodes.values()) {
    if (node.connection === null && !node.isAway)
      turn.effects.push({
        do: 'setTimer',
        timer: { kind: 'away', node: node.name },
        at: turn.now + limits.returnMs,
      });
  }
}

/** A decided job whose nodes have their turns: those that do not come back are not waited for. */
function goOn(turn: Turn, site: SiteState, job: Job): void {
  beginRolloutAgain(turn, site, job);
  if (job.rollout === null) return;
  for (const [name, { state }] of job.nodes)
    if (state === 'staged' && turn.state.nodes.get(name)?.connection == null) awaitReturn(turn, job, name);
}

function balancersAnswered(turn: Turn, event: EventOf<'drained' | 'restored'>): void {
  const site = siteOf(turn, event.site);
  const job = turn.state.jobs.get(event.job);
  if (site === undefined || job === undefined || site.running !== job.id) return;
  if (event.type === 'drained') drained(turn, site, job, event.nodes);
  else restored(turn, site, job, event.nodes);
  settleCommit(turn, site, job);
}

function nodeUndone(turn: Turn, event: EventOf<'nodeUndone'>): void {
  const node = turn.state.nodes.get(event.node);
  if (node === undefined || siteOf(turn, event.site) === undefined) return;
  const nodeSite = nodeSiteOf(node, event.site);
  nodeSite.staged = null;
  noteLive(turn, node, event.site, nodeSite.live);
}

function built(turn: Turn, event: EventOf<'built'>): void {
  const site = siteOf(turn, event.site);
  if (site === undefined) return;
  if (event.job === null) {
    synchronizeBuilt(turn, site, event);
    return;
  }
  const job = turn.state.jobs.get(event.job);
  if (job === undefined || site.running !== job.id || job.release?.sequence !== event.release.sequence)
    return;
  jobBuilt(turn, site, job, event);
}

function buildFailed(turn: Turn, event: EventOf<'buildFailed'>): void {
  const site = siteOf(turn, event.site);
  if (site === undefined) return;
  if (event.job === null) {
    synchronizeBuildFailed(turn, site, event);
    return;
  }
  const job = turn.state.jobs.get(event.job);
  if (job === undefined || site.running !== job.id || job.release?.sequence !== event.release.sequence)
    return;
  if (job.phase === 'committing') return;
  undoStaging(turn, site, job);
  endJob(
    turn,
    job,
    'failed',
    `not published: ${event.error.message} [${event.error.code}]${event.error.fix === undefined ? '' : `\n${event.error.fix}`}`,
    event.error,
  );
}

function timer(turn: Turn, event: EventOf<'timer'>): void {
  switch (event.timer.kind) {
    case 'start':
      turn.toStart.add(event.timer.site);
      return;
    case 'lost':
      participantLost(turn, event.timer.job, event.timer.node);
      return;
    case 'away':
      nodeAway(turn, event.timer.node);
      return;
    case 'stalled':
      jobStalled(turn, event.timer.job);
      return;
    case 'synchronize':
      retrySynchronize(turn, event.timer.site, event.timer.node);
      return;
  }
}
