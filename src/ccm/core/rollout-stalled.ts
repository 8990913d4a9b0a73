// Time limits of a rollout: balancers that do not answer, nodes that do not switch, nodes whose turn has come and that are not here.

import type { WireError } from '../../model/treecast-error.ts';
import { limits } from './limits.ts';
import { advanceRollout } from './rollout.ts';
import { drained, restored } from './rollout-answers.ts';
import type { Job, Rollout, SiteState } from './state.ts';
import { saveJobNode, type Turn } from './turn.ts';

/** The job's timer has come: whoever is waited for too long is passed over (JOB-14, for each batch). */
export function rolloutStalled(turn: Turn, site: SiteState, job: Job, rollout: Rollout): void {
  const { batch } = rollout;
  const settleMs = site.policy.drain?.settleMs ?? limits.settleMs;
  const due =
    batch === null || batch.phase === 'switching'
      ? job.lastProgressAt + settleMs
      : batch.since + limits.balancerMs;
  if (turn.now < due) {
    turn.effects.push({ do: 'setTimer', timer: { kind: 'stalled', job: job.id }, at: due });
    return;
  }
  turn.effects.push({
    do: 'setTimer',
    timer: { kind: 'stalled', job: job.id },
    at: turn.now + settleMs,
  });
  const silent: WireError = {
    code: 'DRAIN_FAILED',
    message: `no answer in ${limits.balancerMs / 1000} s`,
    fix: 'look at the load balancer and its plugin',
  };
  if (batch?.phase === 'draining') {
    drained(
      turn,
      site,
      job,
      [...batch.open].map((node) => ({ node, error: silent })),
    );
    return;
  }
  if (batch?.phase === 'restoring') {
    restored(
      turn,
      site,
      job,
      [...batch.open].map((node) => ({ node, error: silent })),
    );
    return;
  }
  for (const name of batch?.nodes ?? job.nodes.keys()) {
    const state = job.nodes.get(name);
    // Who waits and is here gets its turn below.
    const isNext = rollout.waiting.has(name) && turn.state.nodes.get(name)?.connection != null;
    if (state?.state !== 'staged' || isNext) continue;
    state.state = 'stale';
    state.error = {
      code: 'SWITCH_FAILED',
      message: `did not switch in ${settleMs / 1000} s`,
      fix: `look at the agent on ${name}`,
    };
    saveJobNode(turn, job, name);
  }
  advanceRollout(turn, site, job, false);
}
