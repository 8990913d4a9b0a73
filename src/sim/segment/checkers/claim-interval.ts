// No member claims sooner than the configured minimum after the last LA that it heard, whatever else happened (R5.1), nor before it has
// listened for long enough after its start.

import type { MakeChecker } from '../segment-view.ts';

/** A claim is said only when it is durable; an LA that came meanwhile was too late for it. */
const durableWithinMs = 15;

export const claimInterval: MakeChecker = ({ nodes, plan, timing, now }, violate) => {
  const aliveAt = nodes.map(() => Number.NEGATIVE_INFINITY);
  const aliveBefore = nodes.map(() => Number.NEGATIVE_INFINITY);
  /** The newest term that it knows of, durable or not, as far as it has said so. */
  const knownTerm = nodes.map(() => 0);
  return {
    name: 'claim-interval',
    stopped(node) {
      aliveAt[node.index] = Number.NEGATIVE_INFINITY;
      knownTerm[node.index] = 0;
    },
    heard(node, _from, message) {
      // What is older than its own term is no leader to it.
      const known = Math.max(knownTerm[node.index] as number, node.durableTerm);
      if (message.type === 'leader-alive' && message.term >= known) {
        aliveBefore[node.index] = aliveAt[node.index] as number;
        aliveAt[node.index] = now();
      }
    },
    persisted(node, { vote }) {
      if (vote === node.name && now() - (aliveAt[node.index] as number) <= durableWithinMs) {
        aliveAt[node.index] = aliveBefore[node.index] as number;
      }
    },
    followed(node) {
      knownTerm[node.index] = Math.max(knownTerm[node.index] as number, node.term);
    },
    sent(node, message) {
      // It was stale, and this is the answer.
      if (message.type === 'newer-term' && aliveAt[node.index] === now()) {
        aliveAt[node.index] = aliveBefore[node.index] as number;
      }
      if ('term' in message) knownTerm[node.index] = Math.max(knownTerm[node.index] as number, message.term);
      if (message.type !== 'leader-claim' || node.leader === node.index) return;
      const rate = plan.members[node.index]?.skew.rate ?? 1;
      if ((now() - node.upSince) * rate < timing.listenMs - 1) {
        violate(`${node.name} claims ${Math.round(now() - node.upSince)} ms after its start`);
      }
      const sinceMs = (now() - (aliveAt[node.index] as number)) * rate;
      if (sinceMs > durableWithinMs && sinceMs < timing.triggerMinMs - 1) {
        violate(`${node.name} claims ${Math.round(sinceMs)} ms after it has heard an LA`);
      }
    },
  };
};
