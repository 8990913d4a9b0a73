// A rollback does not wait for a publish that goes round the balancers: it is cut short.

import { type Job, openNodeStates } from './state.ts';
import { saveJobNode, type Turn } from './turn.ts';

/** A rollback was ordered: nobody else is switched to what it undoes; who is switching now has its time (JOB-11, JOB-19). */
export function cutRollout(turn: Turn, job: Job): void {
  const { rollout } = job;
  if (rollout === null || rollout.isCut) return;
  rollout.isCut = true;
  for (const name of rollout.waiting) {
    const state = job.nodes.get(name);
    if (state === undefined || !openNodeStates.includes(state.state)) continue;
    state.state = 'stale';
    state.error = { code: 'ABORTED', message: 'not switched: a rollback was ordered before its turn' };
    saveJobNode(turn, job, name);
  }
  const { batch } = rollout;
  if (batch === null || batch.phase === 'switching') return;
  if (batch.phase === 'draining')
    turn.effects.push({
      do: 'restore',
      site: job.site,
      job: job.id,
      nodes: [...batch.nodes],
      reason: 'rollback',
    });
  rollout.batch = null;
}
