// What a node says while it stages. Progress keeps a job waiting for it, so it has to be real: more than the node has said before. One that
// only says that it is at work (its hooks run) is believed for an hour, and nobody for longer than a day (JOB-30).

import type { EventOf } from './events.ts';
import { limits } from './limits.ts';
import type { Job, JobNodeState } from './state.ts';
import { nodeSiteOf, runningJob, saveNodeSite, siteOf, type Turn } from './turn.ts';

export function nodeHeld(turn: Turn, event: EventOf<'nodeHeld' | 'nodeProgress'>): void {
  const site = siteOf(turn, event.site);
  const node = turn.state.nodes.get(event.node);
  if (site === undefined || node === undefined || !site.members.has(event.node)) return;
  if (event.type === 'nodeHeld') {
    const nodeSite = nodeSiteOf(node, event.site);
    nodeSite.held = event.assignment;
    if (nodeSite.phase === 'receiving') nodeSite.phase = 'held';
    saveNodeSite(turn, node, event.site);
  }
  const job = runningJob(turn, site);
  const state = job?.nodes.get(event.node);
  if (job === undefined || (state?.state !== 'pending' && state?.state !== 'held')) return;
  const isOurs = [...job.assignments.values()].some(
    (ids) => ids !== 'building' && ids.includes(event.assignment),
  );
  if (!isOurs || !isBelieved(turn, job, state, event)) return;
  job.lastProgressAt = turn.now;
  if (event.type === 'nodeHeld') state.state = 'held';
  else state.progress = event.share;
  turn.effects.push({ do: 'progressed', job: job.id });
}

function isBelieved(
  turn: Turn,
  job: Job,
  state: JobNodeState,
  event: EventOf<'nodeHeld' | 'nodeProgress'>,
): boolean {
  if (turn.now - (job.startedAt ?? turn.now) > limits.stagingMs) return false;
  const said = event.type === 'nodeHeld' ? { share: 1, commandsDone: 0 } : event;
  state.proven ??= { at: turn.now, byAssignment: new Map() };
  const { byAssignment } = state.proven;
  const most = byAssignment.get(event.assignment) ?? { share: -1, commandsDone: -1 };
  if (said.share > most.share || said.commandsDone > most.commandsDone) {
    byAssignment.set(event.assignment, {
      share: Math.max(said.share, most.share),
      commandsDone: Math.max(said.commandsDone, most.commandsDone),
    });
    state.proven.at = turn.now;
    return true;
  }
  return turn.now - state.proven.at <= limits.hooksMs;
}
