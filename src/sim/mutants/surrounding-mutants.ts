// Mistakes beside the machines: in the CCM's acceptance and in the drivers.

import { createAcceptance } from '../../protocol/segment/acceptance.ts';
import type { SegmentMember } from '../../protocol/segment/segment-member.ts';
import type { Mutant } from './mutant.ts';

export const surroundingMutants: readonly Mutant[] = [
  {
    name: 'boot-counter-reset',
    mistake: 'a node that starts again counts its starts and packets from the beginning',
    changes: { forgetsBoots: true },
  },
  {
    name: 'sent-before-durable',
    mistake: 'the driver sends what is to wait for a durable write',
    changes: { around: sendFirst },
  },
  {
    name: 'higher-term-accepted',
    mistake: 'the CCM accepts whoever reports a higher term',
    changes: {
      createAcceptance(former) {
        const acceptance = createAcceptance(former);
        return {
          ...acceptance,
          get accepted() {
            return acceptance.accepted;
          },
          claimed(claim) {
            const { accepted } = acceptance;
            if (accepted !== null && claim.term > accepted.term) acceptance.gone(accepted.leader);
            return acceptance.claimed(claim);
          },
        };
      },
    },
  },
  {
    name: 'gone-leader-kept',
    mistake: 'the CCM keeps the accepted leader although it is gone',
    changes: {
      createAcceptance(former) {
        const acceptance = createAcceptance(former);
        return {
          ...acceptance,
          get accepted() {
            return acceptance.accepted;
          },
          gone: () => [],
        };
      },
    },
  },
];

function sendFirst(member: SegmentMember): SegmentMember {
  const early: ReturnType<SegmentMember['pollEffect']>[] = [];
  return {
    ...member,
    pollEffect() {
      const held = early.shift();
      if (held !== undefined) return held;
      const effect = member.pollEffect();
      if (effect?.effect !== 'persist') return effect;
      for (const outgoing of effect.thenSend) early.push({ effect: 'send', ...outgoing });
      early.push({ ...effect, thenSend: [] });
      return early.shift();
    },
  };
}
