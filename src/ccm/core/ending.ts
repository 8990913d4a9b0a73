// How jobs end: the record, the followers' last words, and room for the next job of the site.

import type { JobPhase } from '../../model/api.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { publishedText, unchangedText } from './lines.ts';
import { isWithheld, setbackOf } from './setback.ts';
import type { Job, JobNodeState, SiteState } from './state.ts';
import { servingMembers, siteOf, type Turn } from './turn.ts';

/** Ends a job, tells its followers, and lets the next one start. */
export function endJob(
  turn: Turn,
  job: Job,
  phase: Extract<JobPhase, 'succeeded' | 'failed' | 'superseded' | 'aborted'>,
  text: string,
  error: WireError | null,
): void {
  const site = siteOf(turn, job.site);
  job.phase = phase;
  job.endedAt = turn.now;
  job.error = error;
  for (const node of job.nodes.keys())
    turn.effects.push({ do: 'clearTimer', timer: { kind: 'lost', job: job.id, node } });
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    { do: 'clearTimer', timer: { kind: 'stalled', job: job.id } },
    {
      do: 'log',
      actor: 'ccm',
      kind: `job.${phase}`,
      site: job.site,
      job: job.id,
      data: { ...factsOf(turn, job, text), ...(error === null ? {} : { error }) },
    },
    { do: 'tell', job: job.id, text, end: true },
  );
  if (site === undefined) return;
  site.queued = site.queued.filter((id) => id !== job.id);
  if (site.running === job.id) site.running = null;
  turn.toStart.add(site.name);
}

/** An attempt begins. */
export function logStarted(turn: Turn, job: Job): void {
  const { type, commit, tree, requestedBy } = job;
  turn.effects.push({
    do: 'log',
    actor: 'ccm',
    kind: 'job.started',
    site: job.site,
    job: job.id,
    data: { type, commit, tree, requestedBy, attempt: job.attempts },
  });
}

/** What others are told of a job's end; the log is where they read it, also after a crash. */
function factsOf(turn: Turn, job: Job, text: string): Readonly<Record<string, unknown>> {
  const { type, release, tree, baseTree, commit, requestedBy } = job;
  const named = (...states: readonly JobNodeState['state'][]) =>
    [...job.nodes]
      .filter(([, node]) => states.includes(node.state))
      .map(([name]) => name)
      .sort();
  return {
    text,
    type,
    release,
    tree,
    baseTree,
    commit,
    requestedBy,
    durationMs: turn.now - job.createdAt,
    live: named('live').length,
    total: job.nodes.size,
    stale: named('stale', 'left-out'),
    failed: named('failed', 'lost'),
  };
}

/** A publish whose wanted tree is live already: succeeds at once and records the commit. */
export function succeedUnchanged(turn: Turn, site: SiteState, job: Job): void {
  const live = site.live;
  if (live === null) return;
  const snapshot = {
    ...live,
    id: turn.state.nextSnapshotId++,
    job: job.id,
    commit: job.commit,
    at: turn.now,
    baseTree: live.tree,
  };
  site.live = snapshot;
  site.snapshots.set(snapshot.id, snapshot);
  job.release = live.release;
  job.baseTree = live.tree;
  job.files = 0;
  turn.effects.push({ do: 'insertSnapshot', snapshot }, { do: 'saveSite', site: site.name });
  askAgain(turn, site);
  endJob(turn, job, 'succeeded', unchangedText(job), null);
}

/** JOB-20: nodes that have the tree and do not serve it well are told its decision once more, and try again at once. */
function askAgain(turn: Turn, site: SiteState): void {
  const decision = site.lastDecision;
  const nodes = servingMembers(turn, site)
    .filter(({ name, connection, sites }) => {
      const nodeSite = sites.get(site.name);
      if (connection === null || nodeSite === undefined || setbackOf(site, nodeSite) === null) return false;
      return !isWithheld(turn.state, site, name);
    })
    .map(({ name }) => name);
  if (decision !== null && nodes.length > 0)
    turn.effects.push({ do: 'send', nodes, message: { type: 'decision', decision } });
}

/** The decision was made and everyone it can reach has answered. */
export function succeed(turn: Turn, job: Job): void {
  for (const [name, state] of job.nodes) {
    if (state.state !== 'live' && state.state !== 'left-out' && state.state !== 'stale') {
      state.state = 'stale';
      turn.effects.push({ do: 'saveJobNode', job: job.id, node: name });
    }
  }
  endJob(turn, job, 'succeeded', publishedText(job, turn.now), null);
}
