// Who is not heard does not lead although others are there: nobody begins to lead to whom nobody conceded (ELEC-10), and a leader that nobody
// follows ends (ELEC-13).

import type { MakeChecker, NodeView } from '../segment-view.ts';

/** Others are known to be there once the CCM has told so. */
const toldWithinMs = 2000;

export const lonelyLeader: MakeChecker = ({ nodes, timing, now, ccm, isTroubled }, violate) => {
  const conceded = nodes.map(() => 0);
  const led = nodes.map(() => false);
  /** Since when the CCM has been connected with this one and another. */
  const inCompanySince = nodes.map(() => Number.POSITIVE_INFINITY);
  const aloneSince = nodes.map(() => Number.POSITIVE_INFINITY);
  const aloneMaxMs = timing.offlineMs + 2 * timing.aliveMs + toldWithinMs;

  const look = (node: NodeView, linked: number): void => {
    const { index } = node;
    const isInCompany = ccm.isHeard(index) && linked > 1 && !isTroubled(index);
    if (!isInCompany) inCompanySince[index] = Number.POSITIVE_INFINITY;
    else if (inCompanySince[index] === Number.POSITIVE_INFINITY) inCompanySince[index] = now();
    const isAlone =
      isInCompany &&
      node.leader === index &&
      !nodes.some((other) => other !== node && other.leader === index);
    if (!isAlone) aloneSince[index] = Number.POSITIVE_INFINITY;
    else if (aloneSince[index] === Number.POSITIVE_INFINITY) aloneSince[index] = now();
    else if (now() - (aloneSince[index] as number) > aloneMaxMs) {
      violate(`${node.name} leads in term ${node.term}, and nobody follows it`);
    }
  };

  return {
    name: 'lonely-leader',
    heard(node, _from, message) {
      if (message.type === 'concede') conceded[node.index] = message.term;
      // Somebody has heard it.
      if (message.type === 'concede' || message.type === 'here')
        aloneSince[node.index] = Number.POSITIVE_INFINITY;
    },
    stopped(node) {
      led[node.index] = false;
      conceded[node.index] = 0;
      inCompanySince[node.index] = Number.POSITIVE_INFINITY;
    },
    followed(node) {
      const before = led[node.index];
      led[node.index] = node.leader === node.index;
      if (before === true || node.leader !== node.index) return;
      if (now() - (inCompanySince[node.index] as number) < toldWithinMs) return;
      if (conceded[node.index] === 0) violate(`${node.name} begins to lead, and nobody has conceded`);
    },
    tick() {
      const linked = nodes.filter(({ index }) => ccm.isHeard(index)).length;
      for (const node of nodes) look(node, linked);
    },
  };
};
