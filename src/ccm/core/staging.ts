// From the build to the vote: who is told what, who has staged, who failed or got lost, and when that settles the job.

import { compareReleases, type Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { decide, settleCommit, settleWithout } from './decision.ts';
import { endJob } from './ending.ts';
import type { EventOf } from './events.ts';
import { limits, retryDelayMs } from './limits.ts';
import { failedText } from './lines.ts';
import { noteLive } from './node-live.ts';
import { neededOf } from './readiness.ts';
import { rolloutStalled } from './rollout-stalled.ts';
import { isWithheld, setbackOf } from './setback.ts';
import type { Job, JobNodeState, SiteState } from './state.ts';
import { synchronize } from './synchronize.ts';
import {
  baseTreeOf,
  nodeSiteOf,
  runningJob,
  saveJobNode,
  saveNodeSite,
  servingMembers,
  siteOf,
  type Turn,
  takesPart,
} from './turn.ts';

const waiting: readonly JobNodeState['state'][] = ['pending', 'held'];

/** The running job that this release belongs to. */
function jobOfRelease(turn: Turn, site: SiteState, release: Release | null): Job | undefined {
  const job = runningJob(turn, site);
  return job?.release != null && release !== null && compareReleases(job.release, release) === 0
    ? job
    : undefined;
}

export function jobBuilt(turn: Turn, site: SiteState, job: Job, event: EventOf<'built'>): void {
  for (const cohort of event.cohorts) {
    job.assignments.set(cohort.base, cohort.assignments);
    job.assignmentBytes = Math.max(job.assignmentBytes ?? 0, cohort.bytes);
  }
  if (job.phase === 'planning') {
    job.phase = 'staging';
    job.files = event.files;
    job.lineage = event.lineage;
    if (site.policy.autonomous) decide(turn, site, job);
  }
  job.lastProgressAt = turn.now;
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    { do: 'setTimer', timer: { kind: 'stalled', job: job.id }, at: turn.now + limits.stalledMs },
    { do: 'progressed', job: job.id },
  );
  deliver(turn, site, job, waitingNodes(job));
  // The decision of an autonomous site follows the assignment, so that no node meets it unprepared.
  if (site.policy.autonomous && site.lastDecision !== null && job.phase === 'committing') {
    turn.effects.push({
      do: 'send',
      nodes: waitingNodes(job),
      message: { type: 'decision', decision: site.lastDecision },
    });
  }
  // Those it was planned for may all be gone by now.
  consider(turn, site, job);
}

function waitingNodes(job: Job): string[] {
  return [...job.nodes].filter(([, state]) => waiting.includes(state.state)).map(([name]) => name);
}

/** Gives each node the assignment from its own base; bases that have none yet are built. */
export function deliver(turn: Turn, site: SiteState, job: Job, nodes: readonly string[]): void {
  const { release, tree } = job;
  if (release === null || tree === null) return;
  const ready = new Map<ObjectId, string[]>();
  const missing = new Set<ObjectId>();
  for (const name of nodes) {
    const node = turn.state.nodes.get(name);
    if (node?.connection == null) continue;
    const nodeSite = nodeSiteOf(node, site.name);
    const base = baseTreeOf(nodeSite, tree);
    nodeSite.phase = 'receiving';
    const built = job.assignments.get(base);
    if (built === undefined) missing.add(base);
    else if (built !== 'building') ready.set(base, [...(ready.get(base) ?? []), name]);
  }
  for (const [base, names] of ready) {
    turn.effects.push({
      do: 'deliver',
      site: site.name,
      nodes: names,
      release,
      assignments: job.assignments.get(base) as readonly string[],
    });
  }
  if (missing.size > 0) {
    for (const base of missing) job.assignments.set(base, 'building');
    turn.effects.push({
      do: 'build',
      job: job.id,
      site: site.name,
      bases: [...missing],
      target: tree,
      release,
      type: job.type === 'rollback' ? 'rollback' : 'publish',
    });
  }
}

export function assignmentsMissing(turn: Turn, event: EventOf<'assignmentsMissing'>): void {
  const site = siteOf(turn, event.site);
  if (site === undefined) return;
  const isMissing = (ids: readonly string[] | 'building') =>
    ids !== 'building' && ids.some((id) => event.assignments.includes(id));
  const job = runningJob(turn, site);
  for (const [base, ids] of job?.assignments ?? []) if (isMissing(ids)) job?.assignments.delete(base);
  for (const [base, ids] of site.synchronizing) if (isMissing(ids)) site.synchronizing.delete(base);
  if (job !== undefined) {
    const waitingHere = event.nodes.filter((name) =>
      waiting.includes(job.nodes.get(name)?.state ?? 'left-out'),
    );
    deliver(turn, site, job, waitingHere);
  }
  for (const name of event.nodes) {
    const node = turn.state.nodes.get(name);
    if (node === undefined) continue;
    nodeSiteOf(node, site.name).synchronizingFrom = null;
    synchronize(turn, site, node);
  }
}

export function nodeStaged(turn: Turn, event: EventOf<'nodeStaged'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  const { release, tree } = event.receipt;
  if (site === undefined || node === undefined || release === null || tree === null) return;
  if (!takesPart(turn, site, event.node)) return;
  const nodeSite = nodeSiteOf(node, event.site);
  nodeSite.staged = { release, tree };
  nodeSite.held = event.assignment;
  nodeSite.phase = 'staged';
  nodeSite.error = setbackOf(site, nodeSite)?.error ?? null;
  saveNodeSite(turn, node, event.site);
  const decision = site.lastDecision;
  const isDecided = decision !== null && compareReleases(decision.release, release) === 0;
  if (isDecided && !isWithheld(turn.state, site, node.name)) {
    // A switch may have failed before: the node carries the decision out now, or says again that it has.
    turn.effects.push({ do: 'send', nodes: [event.node], message: { type: 'decision', decision } });
  }
  const job = jobOfRelease(turn, site, release);
  const state = job?.nodes.get(event.node);
  if (job === undefined || state === undefined || !waiting.includes(state.state)) return;
  if (tree !== job.tree) {
    fail(turn, site, job, event.node, {
      code: 'TREE_MISMATCH',
      message: `staged tree ${tree}, not the wanted tree ${job.tree}`,
    });
    return;
  }
  state.state = 'staged';
  state.progress = 1;
  state.stagedAt = turn.now;
  job.lastProgressAt = turn.now;
  saveJobNode(turn, job, event.node);
  consider(turn, site, job);
}

export function nodeStageFailed(turn: Turn, event: EventOf<'nodeStageFailed'>): boolean {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  if (site === undefined || node === undefined) return false;
  const nodeSite = nodeSiteOf(node, event.site);
  const job = jobOfRelease(turn, site, event.release);
  const state = job?.nodes.get(event.node);
  if (job === undefined || state === undefined || !waiting.includes(state.state)) return false;
  const movedTo = event.error.code === 'BASE_MISMATCH' ? event.error.data?.['liveTree'] : undefined;
  if ((typeof movedTo === 'string' || movedTo === null) && state.basesTried < limits.basesTriedMax) {
    // Its live tree moved while the assignment was on its way: the same release, from where it is now.
    state.basesTried += 1;
    noteLive(turn, node, event.site, movedTo === null ? null : { release: event.release, tree: movedTo });
    deliver(turn, site, job, [event.node]);
    return true;
  }
  nodeSite.error = event.error;
  nodeSite.phase = 'failed';
  saveNodeSite(turn, node, event.site);
  fail(turn, site, job, event.node, event.error);
  return true;
}

export function fail(
  turn: Turn,
  site: SiteState,
  job: Job,
  node: string,
  error: WireError,
  as: 'failed' | 'lost' = 'failed',
): void {
  const state = job.nodes.get(node);
  if (state === undefined) return;
  state.state = as;
  state.error = error;
  saveJobNode(turn, job, node);
  turn.effects.push({
    do: 'log',
    actor: node,
    kind: `node.${as}`,
    site: site.name,
    job: job.id,
    node,
    data: { error },
  });
  if (job.phase === 'committing') settleCommit(turn, site, job);
  else consider(turn, site, job);
}

/** Decides as soon as the decision can be made, either way (ARCHITECTURE §3.6). */
export function consider(turn: Turn, site: SiteState, job: Job): void {
  if (job.phase === 'committing') {
    settleCommit(turn, site, job);
    return;
  }
  if (job.phase !== 'staging') return;
  const states = [...job.nodes.values()].filter((node) => node.state !== 'left-out');
  const staged = states.filter((node) => node.state === 'staged').length;
  const failed = states.filter((node) => node.state === 'failed' || node.state === 'lost').length;
  const needed =
    site.policy.commit === 'all'
      ? states.length
      : neededOf(site.policy.commit, servingMembers(turn, site).length);
  if (staged >= needed && staged > 0) decide(turn, site, job);
  else if (states.length - failed < needed || states.length === failed) giveUp(turn, site, job);
}

/** Nothing is committed: staging is undone everywhere; lost nodes alone are worth another try. */
function giveUp(turn: Turn, site: SiteState, job: Job): void {
  undoStaging(turn, site, job);
  const failed = [...job.nodes.values()].filter((node) => node.state === 'failed' || node.state === 'lost');
  const onlyLost = failed.every((node) => node.state === 'lost');
  const newer = site.queued.some((id) => turn.state.jobs.get(id)?.type === 'publish');
  const first = failed[0]?.error;
  const error: WireError = first ?? { code: 'NO_QUORUM', message: 'too few nodes staged' };
  if (!onlyLost || newer || job.attempts > limits.lostRetriesMax) {
    endJob(turn, job, 'failed', failedText(job), error);
    return;
  }
  const delayMs = retryDelayMs(job.attempts);
  job.phase = 'deferred';
  job.notBefore = turn.now + delayMs;
  job.error = error;
  site.running = null;
  site.queued.unshift(job.id);
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    { do: 'setTimer', timer: { kind: 'start', site: site.name }, at: job.notBefore },
    {
      do: 'log',
      actor: 'ccm',
      kind: 'job.retrying',
      site: site.name,
      job: job.id,
      data: { attempt: job.attempts, delayMs },
    },
    {
      do: 'tell',
      job: job.id,
      text: `${failedText(job)}\nit is tried again by itself in ${delayMs / 1000} s and when the node returns`,
      end: true,
    },
  );
  turn.toStart.add(site.name);
}

/** Tells every participant to undo what it staged for this undecided release. */
export function undoStaging(turn: Turn, site: SiteState, job: Job): void {
  if (job.release === null) return;
  const nodes = [...job.nodes]
    .filter(([name, state]) => state.state !== 'left-out' && turn.state.nodes.get(name)?.connection != null)
    .map(([name]) => name);
  for (const name of job.nodes.keys())
    turn.effects.push({ do: 'clearTimer', timer: { kind: 'lost', job: job.id, node: name } });
  turn.effects.push({ do: 'clearTimer', timer: { kind: 'stalled', job: job.id } });
  if (nodes.length > 0)
    turn.effects.push({
      do: 'send',
      nodes,
      message: { type: 'abort', site: site.name, release: job.release },
    });
}

export function participantLost(turn: Turn, jobId: string, node: string): void {
  const job = turn.state.jobs.get(jobId);
  const site = job && siteOf(turn, job.site);
  const state = job?.nodes.get(node);
  if (job === undefined || site === undefined || state === undefined || site.running !== job.id) return;
  if (turn.state.nodes.get(node)?.connection != null) return;
  if (
    state.state === 'live' ||
    state.state === 'left-out' ||
    state.state === 'failed' ||
    state.state === 'stale'
  )
    return;
  const error: WireError = {
    code: 'NODE_LOST',
    message: `lost its connection during the job and did not return in ${limits.returnMs / 1000} s`,
    fix: `look at the agent on ${node}`,
  };
  if (job.phase === 'committing') {
    state.state = 'stale';
    state.error = error;
    saveJobNode(turn, job, node);
    settleCommit(turn, site, job);
  } else fail(turn, site, job, node, error, 'lost');
}

/** Nothing moved for a long time: whoever is waited for counts as failed, after the decision as stale. */
export function jobStalled(turn: Turn, jobId: string): void {
  const job = turn.state.jobs.get(jobId);
  const site = job && siteOf(turn, job.site);
  if (job === undefined || site === undefined || site.running !== job.id) return;
  if (job.rollout !== null) {
    rolloutStalled(turn, site, job, job.rollout);
    settleCommit(turn, site, job);
    return;
  }
  const isDecided = job.phase === 'committing';
  const limitMs = isDecided ? limits.settleMs : limits.stalledMs;
  const due = job.lastProgressAt + limitMs;
  if (turn.now < due) {
    turn.effects.push({ do: 'setTimer', timer: { kind: 'stalled', job: job.id }, at: due });
    return;
  }
  if (isDecided) {
    settleWithout(turn, site, job, `did not switch in ${limitMs / 1000} s`);
    return;
  }
  for (const name of waitingNodes(job)) {
    if (site.running !== job.id || job.phase !== 'staging') return;
    fail(turn, site, job, name, {
      code: 'STAGE_FAILED',
      message: `made no progress for ${limitMs / 1000} s`,
      fix: `look at the agent on ${name}`,
    });
  }
  consider(turn, site, job);
}
