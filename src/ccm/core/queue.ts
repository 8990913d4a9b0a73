// Jobs of one site, one at a time: newest wins among queued publishes (N25), a rollback goes ahead of them.

import type { JobType } from '../../model/api.ts';
import { fromWireError, TreecastError } from '../../model/treecast-error.ts';
import { cutRollout } from './cut-rollout.ts';
import { settleCommit } from './decision.ts';
import { endJob } from './ending.ts';
import type { EventOf } from './events.ts';
import { shortId } from './lines.ts';
import { lostDecisionError } from './lost-history.ts';
import { startPublish } from './publish.ts';
import { startRollback } from './rollback.ts';
import { undoStaging } from './staging.ts';
import { endedPhases, type Job, type SiteState, undecidedPhases } from './state.ts';
import { runningJob, siteOf, type Turn } from './turn.ts';

function newJob(
  turn: Turn,
  type: JobType,
  facts: Pick<Job, 'id' | 'site' | 'commit' | 'tree' | 'requestedBy' | 'branchHead' | 'allowDelete'>,
): Job {
  const job: Job = {
    ...facts,
    type,
    phase: 'queued',
    release: null,
    baseTree: null,
    createdAt: turn.now,
    startedAt: null,
    decidedAt: null,
    endedAt: null,
    attempts: 0,
    notBefore: null,
    files: null,
    assignmentBytes: null,
    error: null,
    lineage: null,
    nodes: new Map(),
    assignments: new Map(),
    lastProgressAt: turn.now,
    rollout: null,
  };
  turn.state.jobs.set(job.id, job);
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    {
      do: 'log',
      actor: job.requestedBy,
      kind: `job.${type}.requested`,
      site: job.site,
      job: job.id,
      data: { commit: job.commit, tree: job.tree },
    },
  );
  return job;
}

export function publishRequested(turn: Turn, event: EventOf<'publishRequested'>): void {
  const site = siteOf(turn, event.site);
  if (site === undefined) throw new TreecastError('NOT_FOUND', `there is no site ${event.site}`);
  const job = newJob(turn, 'publish', { ...event, id: event.job });
  if (event.branchHead !== null) {
    site.headHandled = event.branchHead;
    turn.effects.push({ do: 'saveSite', site: site.name });
  }
  for (const id of [...site.queued]) {
    const older = turn.state.jobs.get(id);
    if (older?.type !== 'publish') continue;
    endJob(
      turn,
      older,
      'superseded',
      `not published: commit ${shortId(event.commit)} is newer and takes its place (job ${job.id})`,
      {
        code: 'SUPERSEDED',
        message: `superseded by job ${job.id}`,
        data: { by: job.id },
      },
    );
  }
  site.queued.push(job.id);
  const running = runningJob(turn, site);
  if (running !== undefined)
    turn.effects.push({ do: 'tell', job: job.id, text: `queued behind job ${running.id}`, end: false });
  turn.toStart.add(site.name);
}

export function rollbackRequested(turn: Turn, event: EventOf<'rollbackRequested'>): void {
  const site = siteOf(turn, event.site);
  if (site === undefined) throw new TreecastError('NOT_FOUND', `there is no site ${event.site}`);
  if (site.lost !== null) throw fromWireError(lostDecisionError(site));
  const running = runningJob(turn, site);
  const willUndo = running !== undefined && undecidedPhases.includes(running.phase);
  if (site.live?.previous == null && (running === undefined || willUndo)) {
    throw new TreecastError('NOTHING_TO_ROLL_BACK', `site ${site.name} has no earlier release to return to`, {
      fix: 'publish the commit you want with `treecast publish SITE --ref COMMIT`',
    });
  }
  const job = newJob(turn, 'rollback', {
    ...event,
    id: event.job,
    commit: null,
    tree: null,
    branchHead: null,
    allowDelete: true,
  });
  const ahead = site.queued.findIndex((id) => turn.state.jobs.get(id)?.type !== 'rollback');
  site.queued.splice(ahead === -1 ? site.queued.length : ahead, 0, job.id);
  if (running !== undefined && willUndo) {
    undoStaging(turn, site, running);
    endJob(turn, running, 'aborted', `not published: a rollback was ordered (job ${job.id})`, {
      code: 'ABORTED',
      message: `aborted by rollback job ${job.id}`,
      data: { by: job.id },
    });
  } else if (running !== undefined && site.live?.previous != null) {
    cutRollout(turn, running);
    settleCommit(turn, site, running);
  }
  turn.toStart.add(site.name);
}

export function abortRequested(turn: Turn, event: EventOf<'abortRequested'>): void {
  const job = turn.state.jobs.get(event.job);
  const site = job && siteOf(turn, job.site);
  if (job === undefined || site === undefined)
    throw new TreecastError('NOT_FOUND', `there is no job ${event.job}`);
  if (!undecidedPhases.includes(job.phase)) {
    throw new TreecastError('CONFLICT', `job ${job.id} is ${job.phase}: its decision has been made`, {
      fix: 'use `treecast rollback SITE` to return to the release before it',
    });
  }
  if (site.running === job.id) undoStaging(turn, site, job);
  turn.effects.push({
    do: 'log',
    actor: event.requestedBy,
    kind: 'job.abort.requested',
    site: job.site,
    job: job.id,
  });
  endJob(turn, job, 'aborted', `not published: aborted by ${event.requestedBy}`, {
    code: 'ABORTED',
    message: `aborted by ${event.requestedBy}`,
  });
}

/** Starts the first queued job that may start, when none is running. */
export function startNext(turn: Turn, site: SiteState): void {
  while (site.running === null) {
    const job = site.queued
      .map((id) => turn.state.jobs.get(id))
      .find((queued) => queued !== undefined && mayStart(turn, queued));
    if (job === undefined) {
      awaitNotBefore(turn, site);
      return;
    }
    const started = job.type === 'rollback' ? startRollback(turn, site, job) : startPublish(turn, site, job);
    // A job that ended at once (unchanged, refused) makes room for the next; one that waits keeps its place.
    if (!started && !endedPhases.includes(job.phase)) return;
  }
}

/** Nothing may start now: at the earliest time that a queued job names it is tried again. */
function awaitNotBefore(turn: Turn, site: SiteState): void {
  const times = site.queued
    .flatMap((id) => turn.state.jobs.get(id)?.notBefore ?? [])
    .filter((at) => at > turn.now);
  if (times.length === 0) return;
  turn.effects.push({
    do: 'setTimer',
    timer: { kind: 'start', site: site.name },
    at: Math.min(...times),
  });
}

/** A publish that lost nodes waits for its time, or for all of them to be back. */
function mayStart(turn: Turn, job: Job): boolean {
  if (job.notBefore === null || turn.now >= job.notBefore) return true;
  const lost = [...job.nodes].filter(([, state]) => state.state === 'lost').map(([name]) => name);
  return lost.length > 0 && lost.every((name) => turn.state.nodes.get(name)?.connection != null);
}
