// A leader that all follow stays, in its term, as long as it is there: whoever comes, however strong, deposes nobody.

import type { MakeChecker } from '../segment-view.ts';

export const noFlapping: MakeChecker = ({ nodes, plan, timing, now, disturbedAt }, violate) => {
  let settled: { readonly leader: number; readonly term: number } | undefined;
  return {
    name: 'no-flapping',
    faulted(fault) {
      if ('node' in fault && (fault.kind === 'leave' || fault.kind === 'crash')) settled = undefined;
    },
    followed(node) {
      if (settled === undefined || node.leader === null) return;
      if (node.leader !== settled.leader || node.term !== settled.term) {
        const [leader, wanted] = [nodes[node.leader], nodes[settled.leader]];
        violate(
          `${node.name} follows ${leader?.name} in term ${node.term}, while ${wanted?.name} leads in term ${settled.term}`,
        );
      }
    },
    tick() {
      // Whoever was cut off until now may still lose a leader.
      if (now() < plan.calmFromMs + timing.lostMs + 2 * timing.aliveMs) return;
      if (settled === undefined) {
        // A leave is told before it is carried out.
        if (now() - disturbedAt() < timing.aliveMs) return;
        const up = nodes.filter(({ isUp }) => isUp);
        const [first] = up;
        if (first === undefined || first.leader === null || nodes[first.leader]?.isUp !== true) return;
        if (up.every(({ leader, term }) => leader === first.leader && term === first.term)) {
          settled = { leader: first.leader, term: first.term };
        }
        return;
      }
      for (const node of nodes) {
        if (node.isUp && !node.isPaused && node.leader === null && now() - node.upSince > 5000) {
          violate(`${node.name} has lost its leader ${nodes[settled.leader]?.name}, who is there`);
        }
      }
    },
  };
};
