// The leader that the CCM accepts does not give way to one that the CCM refuses: when the two hear each other, the refused one yields.

import type { MakeChecker, NodeView } from '../segment-view.ts';

/** By then a leader has reported, and knows whom the CCM accepts. */
const informedMs = 2000;

export const acceptedStays: MakeChecker = ({ nodes, plan, now, ccm }, violate) => {
  /** Since when each has led with a link to the CCM. */
  const linkedSince = nodes.map(() => Number.POSITIVE_INFINITY);
  let accepted: string | null = null;
  let acceptedSince = 0;
  const isInformed = (node: NodeView | undefined): boolean =>
    node !== undefined && now() - Math.max(linkedSince[node.index] as number, acceptedSince) > informedMs;
  return {
    name: 'accepted-stays',
    accepted(claim) {
      if (claim?.leader === accepted) return;
      accepted = claim?.leader ?? null;
      acceptedSince = now();
    },
    followed(node) {
      if (
        now() < plan.calmFromMs ||
        node.name !== accepted ||
        node.leader === null ||
        node.leader === node.index
      )
        return;
      const rival = nodes[node.leader];
      if (isInformed(node) && isInformed(rival)) {
        violate(`${node.name}, whom the CCM accepts, gives way to ${rival?.name}, whom it refuses`);
      }
    },
    tick() {
      for (const node of nodes) {
        const leads = node.leader === node.index && ccm.isHeard(node.index);
        if (!leads) linkedSince[node.index] = Number.POSITIVE_INFINITY;
        else if (linkedSince[node.index] === Number.POSITIVE_INFINITY) linkedSince[node.index] = now();
      }
    },
  };
};
