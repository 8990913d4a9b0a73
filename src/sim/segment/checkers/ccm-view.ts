// The CCM's view becomes the truth within the bound, and then nobody who is there gets lost from it or is said to be offline, not even
// one that stood still for two seconds, and not when the leader changes.

import type { MakeChecker } from '../segment-view.ts';

export const ccmView: MakeChecker = ({ nodes, plan, bounds, now, disturbedAt, ccm, node }, violate) => {
  /** Who was listed as online and has stayed since. */
  const listed = new Set<string>();
  return {
    name: 'ccm-view',
    stopped({ name }) {
      listed.delete(name);
    },
    reported({ leader }) {
      if (now() < plan.calmFromMs) return;
      for (const name of listed) {
        if (ccm.members.get(name) === true) continue;
        violate(
          `${leader} reports ${name} as ${ccm.members.has(name) ? 'offline' : 'no member'}, who is there`,
        );
        return;
      }
    },
    tick() {
      if (now() < plan.calmFromMs || now() - disturbedAt() < bounds.ccmMs) return;
      const accepted = ccm.accepted();
      if (accepted === null) {
        violate('the CCM accepts nobody');
        return;
      }
      const leader = node(accepted.leader);
      if (leader?.isUp !== true || leader.leader !== leader.index || leader.term !== accepted.term) {
        violate(`the CCM accepts ${accepted.leader} in term ${accepted.term}, who does not lead then`);
        return;
      }
      for (const { name, isUp } of nodes) {
        if (isUp !== (ccm.members.get(name) === true)) {
          violate(`the CCM has ${name} as ${isUp ? 'missing or offline' : 'online'}`);
          return;
        }
        if (isUp) listed.add(name);
      }
    },
  };
};
