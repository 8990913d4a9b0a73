// A publish on its way round the balancers (JOB-19): batch by batch, nodes are taken out, told the decision, and put back.
// Which nodes make a batch is decided in rollout-batch.ts; what the balancers' answers mean, in rollout-answers.ts; when the job
// ends, in decision.ts.

import { releaseName } from '../../model/release.ts';
import { drainFailed } from './drain-failed.ts';
import { limits } from './limits.ts';
import { nextBatch } from './rollout-batch.ts';
import {
  type Batch,
  type Job,
  type JobNodeState,
  openNodeStates,
  type Rollout,
  type SiteState,
} from './state.ts';
import { nodeSiteOf, saveJobNode, type Turn } from './turn.ts';

/** For a decision about to be told; null when the site's policy has everyone told at once. Nodes that serve nothing yet need no turn. */
export function beginRollout(turn: Turn, site: SiteState, job: Job): Rollout | null {
  if (site.policy.drain === null || site.policy.autonomous || job.type !== 'publish') return null;
  const waiting = new Set<string>();
  for (const [name, { state }] of [...job.nodes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const live = turn.state.nodes.get(name)?.sites.get(site.name)?.live ?? null;
    // Also one that seems to have the tree: what is known of it may be old.
    if (openNodeStates.includes(state) && live !== null) waiting.add(name);
  }
  return { total: waiting.size, waiting, batch: null, out: new Map(), undrained: new Set(), isCut: false };
}

/** After a start of the CCM nobody knows who is out: everyone is put back first, then those that are not live have their turn. */
export function beginRolloutAgain(turn: Turn, site: SiteState, job: Job): void {
  job.rollout = beginRollout(turn, site, job);
  if (job.rollout === null) return;
  const names = [...job.nodes]
    .filter(([, { state }]) => state === 'live' || openNodeStates.includes(state))
    .map(([name]) => name)
    .sort();
  for (const name of names) job.rollout.out.set(name, 'out');
  putBack(turn, job, job.rollout, names);
}

/** Goes on as far as it can; call it whenever a node of the job or the balancers have moved. */
export function advanceRollout(turn: Turn, site: SiteState, job: Job, isPatient = true): void {
  const { rollout } = job;
  if (rollout === null || job.phase !== 'committing') return;
  do prune(turn, job, rollout);
  while (
    rollout.batch === null
      ? startBatch(turn, site, job, rollout, isPatient)
      : finishPhase(turn, site, job, rollout, rollout.batch)
  );
}

/** Who failed, left or got lost has no turn any more. */
function prune(turn: Turn, job: Job, rollout: Rollout): void {
  for (const name of rollout.isCut ? [] : rollout.waiting) {
    const node = job.nodes.get(name);
    if (node === undefined) continue;
    if (openNodeStates.includes(node.state) && turn.state.nodes.get(name)?.maintenance === true) {
      node.state = 'left-out';
      saveJobNode(turn, job, name);
    }
    if (node.state !== 'live' && !openNodeStates.includes(node.state)) rollout.waiting.delete(name);
  }
  for (const name of [...rollout.out.keys()]) {
    const state = job.nodes.get(name)?.state;
    if (state === undefined || state === 'left-out') rollout.out.delete(name);
  }
}

/** True when there is a batch, or somebody was told. */
function startBatch(turn: Turn, site: SiteState, job: Job, rollout: Rollout, isPatient: boolean): boolean {
  // Beside those of the last batch: who could not be taken out may be half out; who is live before its turn knew the decision from
  // before a start of the CCM, or was synchronized.
  const toRestore = [...job.nodes]
    .filter(
      ([, { state, error }]) => state === 'live' || (state === 'stale' && error?.code === 'DRAIN_FAILED'),
    )
    .map(([name]) => name)
    .filter((name) => rollout.waiting.has(name) || rollout.out.get(name) === 'out')
    .sort();
  if (toRestore.length > 0) {
    for (const name of toRestore) rollout.waiting.delete(name);
    putBack(turn, job, rollout, toRestore);
    return true;
  }
  if (rollout.isCut) return false;
  if (site.policy.drain === null) {
    // The policy changed in the middle.
    const rest = [...rollout.waiting];
    tellDecision(turn, site, rollout, rest);
    return false;
  }
  const batch = nextBatch(turn, site, job, rollout, isPatient);
  if (batch === undefined) return false;
  const stuck = [...rollout.out].filter(([, how]) => how === 'stuck').map(([name]) => name);
  if (batch.drained.length === 0 && stuck.length > 0 && site.policy.drain.onFailure === 'hold') {
    // Not the policy leaves too few in service, but balancers that do not do what they are told.
    const message = `nobody else serves, as ${stuck.join(', ')} could not be put back into service`;
    for (const name of batch.undrained) drainFailed(turn, site, job, name, { code: 'DRAIN_FAILED', message });
    return true;
  }
  if (batch.drained.length === 0) {
    for (const name of batch.undrained) rollout.undrained.add(name);
    turn.effects.push({
      do: 'tell',
      job: job.id,
      text: `${batch.undrained.join(', ')}: switched in service, as fewer than ${batch.minInService} would stay in service without it`,
      end: false,
    });
    enter(turn, job, rollout, {
      phase: 'switching',
      nodes: new Set(batch.undrained),
      open: new Set(),
      since: turn.now,
    });
    tellDecision(turn, site, rollout, batch.undrained);
    return true;
  }
  for (const name of batch.drained) rollout.out.set(name, 'out');
  turn.effects.push(
    { do: 'drain', site: site.name, job: job.id, nodes: batch.drained, reason: reasonOf(job) },
    {
      do: 'tell',
      job: job.id,
      text: `taking out of service: ${batch.drained.join(', ')} (${rollout.waiting.size} of ${rollout.total} to be switched)`,
      end: false,
    },
  );
  const nodes = new Set(batch.drained);
  enter(turn, job, rollout, { phase: 'draining', nodes, open: new Set(nodes), since: turn.now });
  return true;
}

/** True when the batch's phase is over. */
function finishPhase(turn: Turn, site: SiteState, job: Job, rollout: Rollout, batch: Batch): boolean {
  const inState = (wanted: JobNodeState['state']) =>
    [...batch.nodes].filter((name) => job.nodes.get(name)?.state === wanted);
  switch (batch.phase) {
    case 'draining': {
      for (const name of batch.open) if (job.nodes.get(name)?.state !== 'staged') batch.open.delete(name);
      if (batch.open.size > 0) return false;
      enter(turn, job, rollout, { ...batch, phase: 'switching', since: turn.now });
      tellDecision(
        turn,
        site,
        rollout,
        inState('staged').filter((name) => rollout.waiting.has(name)),
      );
      return true;
    }
    case 'switching': {
      if (inState('staged').length > 0) return false;
      rollout.batch = null;
      // startBatch puts those back that are live.
      return true;
    }
    case 'restoring':
      if (batch.open.size > 0) return false;
      rollout.batch = null;
      return true;
  }
}

function tellDecision(turn: Turn, site: SiteState, rollout: Rollout, names: readonly string[]): void {
  const decision = site.lastDecision;
  const told: string[] = [];
  for (const name of names) {
    rollout.waiting.delete(name);
    const node = turn.state.nodes.get(name);
    // Who is away is told by its welcome.
    if (node?.connection == null || node.maintenance) continue;
    nodeSiteOf(node, site.name).told = 'yes';
    told.push(name);
  }
  if (told.length > 0 && decision !== null)
    turn.effects.push({ do: 'send', nodes: told, message: { type: 'decision', decision } });
}

function putBack(turn: Turn, job: Job, rollout: Rollout, names: readonly string[]): void {
  if (names.length === 0) return;
  turn.effects.push({ do: 'restore', site: job.site, job: job.id, nodes: names, reason: reasonOf(job) });
  const nodes = new Set(names);
  enter(turn, job, rollout, { phase: 'restoring', nodes, open: new Set(nodes), since: turn.now });
}

function enter(turn: Turn, job: Job, rollout: Rollout, batch: Batch): void {
  rollout.batch = batch;
  job.lastProgressAt = turn.now;
  turn.effects.push(
    { do: 'setTimer', timer: { kind: 'stalled', job: job.id }, at: turn.now + limits.settleMs },
    { do: 'progressed', job: job.id },
  );
}

function reasonOf(job: Job): string {
  return job.release === null ? job.type : `${job.type} ${releaseName(job.release)}`;
}
