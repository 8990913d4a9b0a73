// Once nothing disturbs the segment, there is exactly one leader within the bound, and everybody follows it.

import type { MakeChecker } from '../segment-view.ts';

export const settledLeader: MakeChecker = ({ nodes, plan, bounds, now, disturbedAt }, violate) => ({
  name: 'settled-leader',
  tick() {
    if (now() < plan.calmFromMs || now() - disturbedAt() < bounds.leaderMs) return;
    const up = nodes.filter(({ isUp }) => isUp);
    const leaders = up.filter(({ leader, index }) => leader === index);
    const [leader] = leaders;
    if (leader === undefined) violate('nobody leads');
    else if (leaders.length > 1) violate(`${leaders.map(({ name }) => name).join(' and ')} lead`);
    else {
      const other = up.find((node) => node.leader !== leader.index || node.term !== leader.term);
      if (other !== undefined) violate(`${other.name} does not follow ${leader.name} in term ${leader.term}`);
    }
  },
});
