// A leader that the CCM does not accept follows the accepted one as soon as it hears its LA, which says so (ELEC-15).

import type { MakeChecker } from '../segment-view.ts';

/** Who was accepted until then may not know yet that it is not any more. */
const outdatedMs = 5000;
const atOnceMs = 250;
/** A newer term that is being written makes the LA a stale one. */
const durableWithinMs = 15;
const never = Number.POSITIVE_INFINITY;

export const refusedYields: MakeChecker = ({ nodes, now, node: named, isTroubled }, violate) => {
  const acceptedUntil = nodes.map(() => Number.NEGATIVE_INFINITY);
  const dueAt = nodes.map(() => never);
  const heardAt = nodes.map(() => 0);
  const heardTerm = nodes.map(() => 0);
  let accepted: number | undefined;
  return {
    name: 'refused-yields',
    accepted(claim) {
      if (accepted !== undefined) acceptedUntil[accepted] = now();
      accepted = claim === null ? undefined : named(claim.leader)?.index;
      if (accepted === undefined) return;
      acceptedUntil[accepted] = never;
      dueAt[accepted] = never;
    },
    sent(node, message) {
      if (message.type !== 'leader-alive' || now() - (heardAt[node.index] as number) > durableWithinMs)
        return;
      if (message.term > (heardTerm[node.index] as number)) dueAt[node.index] = never;
    },
    stopped(node) {
      dueAt[node.index] = never;
    },
    followed(node) {
      if (node.leader !== node.index) dueAt[node.index] = never;
    },
    heard(node, _from, message) {
      if (message.type !== 'leader-alive' || !message.accepted || node.leader !== node.index) return;
      if (isTroubled(node.index)) return;
      if (message.term < Math.max(node.term, node.durableTerm)) return;
      if (now() - (acceptedUntil[node.index] as number) < outdatedMs) return;
      if (dueAt[node.index] !== never) return;
      dueAt[node.index] = now() + atOnceMs;
      heardAt[node.index] = now();
      heardTerm[node.index] = message.term;
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
