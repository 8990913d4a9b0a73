// Nodes that all start at once have a leader with whom all are registered within the bound.

import type { MakeChecker } from '../segment-view.ts';

export const coldStart: MakeChecker = ({ nodes, plan, bounds, now }, violate) => {
  let isDone = plan.togetherByMs === 0;
  return {
    name: 'cold-start',
    tick() {
      if (isDone || now() < plan.togetherByMs + bounds.coldStartMs) return;
      isDone = true;
      const started = nodes.filter(({ isUp, upSince }) => isUp && upSince <= plan.togetherByMs);
      const leader = nodes.find((node) => node.isUp && node.leader === node.index);
      if (leader === undefined) {
        violate('nobody leads');
        return;
      }
      for (const node of started) {
        if (node.leader === leader.index && (node === leader || node.isRegistered)) continue;
        violate(`${node.name} is not registered with ${leader.name}`);
        return;
      }
    },
  };
};
