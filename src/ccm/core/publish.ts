// Starting a publish: quorum, who takes part, which bases must be built for (R4.3, R2.7).

import { logStarted, succeedUnchanged } from './ending.ts';
import { isOutranked } from './lost-history.ts';
import { readinessOf } from './readiness.ts';
import type { Job, NodeState, SiteState } from './state.ts';
import { baseTreeOf, liveTreeOf, newJobNode, nodeSiteOf, type Turn } from './turn.ts';

/** True when the job is running now; false when it waits or has ended. */
export function startPublish(turn: Turn, site: SiteState, job: Job): boolean {
  const target = job.tree;
  if (target === null) throw new Error(`publish job ${job.id} has no tree`);
  if (target === liveTreeOf(site) && !isOutranked(turn.state, site)) {
    succeedUnchanged(turn, site, job);
    return false;
  }
  const readiness = readinessOf(turn, site);
  if (readiness.kind === 'booting') {
    turn.effects.push(
      { do: 'setTimer', timer: { kind: 'start', site: site.name }, at: readiness.until },
      {
        do: 'tell',
        job: job.id,
        text: 'the CCM has just started: waiting for known members to connect',
        end: false,
      },
    );
    return false;
  }
  if (readiness.kind === 'short') {
    if (job.phase !== 'deferred') defer(turn, job, readiness.reason);
    return false;
  }
  const release = { epoch: site.epoch, sequence: site.sequence + 1 };
  site.sequence = release.sequence;
  site.running = job.id;
  site.queued = site.queued.filter((id) => id !== job.id);
  job.phase = 'planning';
  job.release = release;
  job.baseTree = liveTreeOf(site);
  job.startedAt = turn.now;
  job.lastProgressAt = turn.now;
  job.notBefore = null;
  job.error = null;
  job.attempts += 1;
  job.assignments.clear();
  job.nodes.clear();
  turn.effects.push({ do: 'saveSite', site: site.name });
  logStarted(turn, job);
  enlist(turn, site, job, readiness.connected);
  const bases = new Set(readiness.connected.map((node) => baseTreeOf(nodeSiteOf(node, site.name), target)));
  for (const base of bases) job.assignments.set(base, 'building');
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    { do: 'build', job: job.id, site: site.name, bases: [...bases], target, release, type: 'publish' },
  );
  return true;
}

/** Connected members take part; the others, and those in maintenance, are left out and owed the work (N71). */
export function enlist(turn: Turn, site: SiteState, job: Job, connected: readonly NodeState[]): void {
  const taking = new Set(connected.map((node) => node.name));
  for (const name of [...site.members].sort()) {
    if (!turn.state.nodes.has(name)) continue;
    job.nodes.set(name, newJobNode(taking.has(name) ? 'pending' : 'left-out'));
    turn.effects.push({ do: 'saveJobNode', job: job.id, node: name });
  }
}

function defer(turn: Turn, job: Job, reason: string): void {
  job.phase = 'deferred';
  job.error = {
    code: 'NO_QUORUM',
    message: reason,
    fix: 'the job starts by itself when enough members are connected',
  };
  turn.effects.push(
    { do: 'saveJob', job: job.id },
    { do: 'log', actor: 'ccm', kind: 'job.deferred', site: job.site, job: job.id, data: { reason } },
    {
      do: 'tell',
      job: job.id,
      text: `deferred: ${reason}; it starts by itself when enough are back (job ${job.id})`,
      end: true,
    },
  );
}
