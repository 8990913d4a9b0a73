// A leader answers a worse claim at once with its own (R5.1): who claims although there is a leader learns of it.

import type { ControlMessage } from '../../../model/segment.ts';
import type { MakeChecker } from '../segment-view.ts';

/** A durable write, what was said a moment ago and need not be said again, a timer that is late. */
const atOnceMs = 250;
/** A verdict of the CCM is on its way for so long. */
const toldWithinMs = 500;
const never = Number.POSITIVE_INFINITY;

export const claimAnswered: MakeChecker = ({ nodes, now, ccm, node: named, isTroubled }, violate) => {
  /** What each said last of its own priority. */
  const said = nodes.map(() => 0);
  const dueAt = nodes.map(() => never);
  const acceptedUntil = nodes.map(() => Number.NEGATIVE_INFINITY);
  let accepted: number | undefined;
  const priorityIn = (message: ControlMessage): number | undefined =>
    message.type === 'leader-claim' || message.type === 'leader-alive' ? message.priority : undefined;
  return {
    name: 'claim-answered',
    accepted(claim) {
      if (accepted !== undefined) acceptedUntil[accepted] = now();
      accepted = claim === null ? undefined : named(claim.leader)?.index;
    },
    sent(node, message) {
      said[node.index] = priorityIn(message) ?? (said[node.index] as number);
      if (message.type === 'leader-claim') dueAt[node.index] = never;
    },
    stopped(node) {
      dueAt[node.index] = never;
    },
    followed(node) {
      if (node.leader !== node.index) dueAt[node.index] = never;
    },
    heard(node, from, message) {
      if (message.type !== 'leader-claim' || node.leader !== node.index || isTroubled(node.index)) return;
      // A refused leader lets the accepted one be (ELEC-15), as far as it knows.
      if (
        ccm.accepted()?.leader === from.name ||
        now() - (acceptedUntil[from.index] as number) < toldWithinMs
      ) {
        return;
      }
      if (message.priority >= (said[node.index] as number)) return;
      dueAt[node.index] = Math.min(dueAt[node.index] as number, now() + atOnceMs);
    },
    tick() {
      for (const node of nodes) {
        if (now() <= (dueAt[node.index] as number)) continue;
        if (isTroubled(node.index)) dueAt[node.index] = never;
        else violate(`${node.name} leads and does not answer a worse claim`);
      }
    },
  };
};
