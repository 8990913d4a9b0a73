// What the balancers answered to a rollout: who is out, who is back, and who is not (JOB-19, JOB-22).

import type { WireError } from '../../model/treecast-error.ts';
import { drainFailed } from './drain-failed.ts';
import type { BalancerAnswer } from './events.ts';
import { advanceRollout } from './rollout.ts';
import type { Job, Rollout, SiteState } from './state.ts';
import { nodeSiteOf, saveJobNode, saveNodeSite, type Turn } from './turn.ts';

export function drained(turn: Turn, site: SiteState, job: Job, answers: readonly BalancerAnswer[]): void {
  const batch = job.rollout?.batch;
  if (batch?.phase !== 'draining') return;
  for (const { node, error } of answers) {
    if (batch.open.delete(node) && error !== null) drainFailed(turn, site, job, node, error);
  }
  advanceRollout(turn, site, job);
}

export function restored(turn: Turn, site: SiteState, job: Job, answers: readonly BalancerAnswer[]): void {
  const { rollout } = job;
  if (rollout === null) return;
  const open = rollout.batch?.phase === 'restoring' ? rollout.batch.open : new Set<string>();
  for (const { node, error } of answers) {
    const isAsked = open.delete(node);
    if (error !== null) {
      if (isAsked) restoreFailed(turn, job, rollout, node, error);
    } else if (isAsked || rollout.out.get(node) === 'stuck') rollout.out.delete(node);
  }
  advanceRollout(turn, site, job);
}

/** Noted, and left to whoever keeps the balancers as `servingOf` wants them. */
function restoreFailed(turn: Turn, job: Job, rollout: Rollout, name: string, error: WireError): void {
  const state = job.nodes.get(name);
  rollout.out.set(name, 'stuck');
  const node = turn.state.nodes.get(name);
  if (state?.state !== 'live' || node === undefined) return;
  state.error = error;
  saveJobNode(turn, job, name);
  nodeSiteOf(node, job.site).error = error;
  saveNodeSite(turn, node, job.site);
}
