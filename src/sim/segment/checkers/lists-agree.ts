// The lists of one leader never go back, and once nothing changes everybody has its leader's newest.

import type { MakeChecker } from '../segment-view.ts';

interface List {
  readonly leader: number | null;
  readonly term: number;
  readonly list: number;
}

const none: List = { leader: null, term: 0, list: 0 };

export const listsAgree: MakeChecker = ({ nodes, plan, bounds, now, disturbedAt }, violate) => {
  const newest: List[] = nodes.map(() => none);
  return {
    name: 'lists-agree',
    stopped(node) {
      newest[node.index] = none;
    },
    told(node, fact) {
      const listed = newest[node.index]?.leader;
      if (fact.fact === 'leader' && node.leader !== null && node.leader !== listed) newest[node.index] = none;
      if (fact.fact !== 'members') return;
      const { term, list } = fact;
      const before = newest[node.index] as List;
      if (node.leader === before.leader && term === before.term && list < before.list) {
        violate(`${node.name} goes back from list ${before.list} to ${list} of term ${term}`);
      }
      newest[node.index] = { leader: node.leader, term, list };
    },
    tick() {
      if (now() < plan.calmFromMs || now() - disturbedAt() < bounds.ccmMs) return;
      const leader = nodes.find(({ isUp, leader: followed, index }) => isUp && followed === index);
      if (leader === undefined) return;
      const { term, list } = newest[leader.index] as List;
      for (const node of nodes) {
        const known = newest[node.index] as List;
        if (!node.isUp || (known.term === term && known.list === list)) continue;
        violate(
          `${node.name} has list ${known.list} of term ${known.term}, and ${leader.name} list ${list} of term ${term}`,
        );
        return;
      }
    },
  };
};
