// A node that no balancer let go: what becomes of it is the policy's to say (N27).

import type { WireError } from '../../model/treecast-error.ts';
import { noteLive } from './node-live.ts';
import { setBack } from './setback.ts';
import type { Job, SiteState } from './state.ts';
import { nodeSiteOf, saveJobNode, type Turn } from './turn.ts';

/** `hold`: it stays in service as it is (JOB-22); `force`: it is switched like the others. Both are put back, as they may be half out. */
export function drainFailed(turn: Turn, site: SiteState, job: Job, name: string, cause: WireError): void {
  const state = job.nodes.get(name);
  const node = turn.state.nodes.get(name);
  const { rollout, release } = job;
  if (rollout === null || release === null || node === undefined || state?.state !== 'staged') return;
  const isHeld = site.policy.drain?.onFailure === 'hold';
  turn.effects.push({
    do: 'log',
    actor: 'ccm',
    kind: 'node.drain.failed',
    site: site.name,
    job: job.id,
    node: name,
    data: { error: cause, held: isHeld },
  });
  if (!isHeld) return;
  const error: WireError = {
    code: 'DRAIN_FAILED',
    message: `could not be taken out of its load balancer, and serves its former tree: ${cause.message}`,
    fix: 'mend the balancer and publish again, or put the node into maintenance and take it back',
  };
  state.state = 'stale';
  state.error = error;
  rollout.waiting.delete(name);
  saveJobNode(turn, job, name);
  const nodeSite = nodeSiteOf(node, site.name);
  setBack(nodeSite, release, error);
  noteLive(turn, node, site.name, nodeSite.live);
}
