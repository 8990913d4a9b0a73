// Inside one connected part at most one leader that members accept: two that can hear each other do not both go on.

import type { MakeChecker, NodeView } from '../segment-view.ts';

export const rivalLeaders: MakeChecker = ({ nodes, bounds, now, isCut, isTroubled }, violate) => {
  /** By both numbers: since when the two have led within reach of each other. */
  const since = new Map<number, number>();
  const leads = (node: NodeView): boolean =>
    node.leader === node.index && node.isUp && !isTroubled(node.index);
  return {
    name: 'rival-leaders',
    tick() {
      const leaders = nodes.filter(leads);
      if (leaders.length < 2) {
        since.clear();
        return;
      }
      const present = new Set<number>();
      for (const one of leaders) {
        for (const other of leaders) {
          if (one.index >= other.index || isCut(one.index, other.index) || isCut(other.index, one.index))
            continue;
          const pair = one.index * nodes.length + other.index;
          present.add(pair);
          const began = since.get(pair) ?? now();
          since.set(pair, began);
          if (now() - began > bounds.rivalsMs) {
            violate(
              `${one.name} (term ${one.term}) and ${other.name} (term ${other.term}) hear each other and both lead`,
            );
          }
        }
      }
      for (const pair of since.keys()) if (!present.has(pair)) since.delete(pair);
    },
  };
};
