// A leader that the CCM does not accept follows the accepted one as soon as it hears its LA, which says so (ELEC-15).

import type { MakeChecker } from '../segment-view.ts';

/** Who was accepted until then may not know yet that it is not any more. */
const outdatedMs = 5000;
/** A durable write. */
const atOnceMs = 250;
const never = Number.POSITIVE_INFINITY;

export const refusedYields: MakeChecker = ({ nodes, now, node: named, isTroubled }, violate) => {
  const acceptedUntil = nodes.map(() => Number.NEGATIVE_INFINITY);
  const dueAt = nodes.map(() => never);
  let accepted: number | undefined;
  return {
    name: 'refused-yields',
    accepted(claim) {
      if (accepted !== undefined) acceptedUntil[accepted] = now();
      accepted = claim === null ? undefined : named(claim.leader)?.index;
      if (accepted !== undefined) acceptedUntil[accepted] = never;
    },
    stopped(node) {
      dueAt[node.index] = never;
    },
    followed(node) {
      if (node.leader !== node.index) dueAt[node.index] = never;
    },
    heard(node, _from, message) {
      if (message.type !== 'leader-alive' || !message.accepted || node.leader !== node.index) return;
      if (message.term < Math.max(node.term, node.durableTerm)) return;
      if (now() - (acceptedUntil[node.index] as number) < outdatedMs) return;
      dueAt[node.index] = Math.min(dueAt[node.index] as number, now() + atOnceMs);
    },
    tick() {
      for (const node of nodes) {
        if (now() <= (dueAt[node.index] as number)) continue;
        if (isTroubled(node.index)) dueAt[node.index] = never;
        else violate(`${node.name}, whom the CCM does not accept, hears whom it accepts and leads on`);
      }
    },
  };
};
