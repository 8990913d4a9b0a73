// Who is elected in an undisturbed election is the best of the candidates that were present when it began; ties go by name.

import type { MakeChecker, NodeView } from '../segment-view.ts';

/** Priorities fall a little while time passes. */
const driftMax = 3;

interface Candidate {
  readonly node: NodeView;
  readonly priority: number;
}

export const bestCandidate: MakeChecker = ({ nodes, plan, timing, now, priority }, violate) => {
  let election: { readonly beganAt: number; readonly candidates: readonly Candidate[] } | undefined;
  return {
    name: 'best-candidate',
    faulted(fault) {
      if (fault.at < plan.steadyUntilMs || !('node' in fault) || fault.node !== 'leader') return;
      const candidates = nodes.filter(
        (node) =>
          node.isUp &&
          node.leader !== node.index &&
          plan.members[node.index]?.role !== 'never' &&
          now() - node.upSince > 2 * timing.listenMs,
      );
      election = {
        beganAt: now(),
        candidates: candidates.map((node) => ({ node, priority: priority(node.index) })),
      };
    },
    followed(leader) {
      if (election === undefined || leader.leader !== leader.index) return;
      const { candidates, beganAt } = election;
      election = undefined;
      const winner = candidates.find(({ node }) => node === leader);
      if (winner === undefined) {
        violate(`${leader.name} leads, who was no candidate`);
        return;
      }
      for (const { node, priority: before } of candidates) {
        if (node === leader || !node.isUp || node.upSince > beganAt) continue;
        const isSteady = before === priority(node.index) && winner.priority === priority(leader.index);
        const isBetter =
          before > winner.priority + (isSteady ? 0 : driftMax) ||
          (isSteady && before === winner.priority && node.name < leader.name);
        if (isBetter) {
          violate(
            `${leader.name} (${winner.priority}) leads, and ${node.name} (${before}) was there and better`,
          );
          return;
        }
      }
    },
  };
};
