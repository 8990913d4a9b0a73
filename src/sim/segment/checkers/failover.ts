// A leader that is killed in a calm segment: the CCM has accepted another within the bound.

import type { MakeChecker } from '../segment-view.ts';

export const failover: MakeChecker = ({ plan, bounds, now, ccm, node }, violate) => {
  let killed: { readonly leader: string; readonly at: number } | undefined;
  return {
    name: 'failover',
    faulted(fault) {
      if (fault.at < plan.steadyUntilMs || !('node' in fault) || fault.node !== 'leader') return;
      const leader = ccm.accepted()?.leader;
      if (leader !== undefined) killed = { leader, at: now() };
    },
    tick() {
      if (killed === undefined) return;
      const accepted = ccm.accepted();
      if (accepted !== null && accepted.leader !== killed.leader && node(accepted.leader)?.isUp === true) {
        killed = undefined;
      } else if (now() - killed.at > bounds.failoverMs) {
        violate(`nobody was accepted in the place of ${killed.leader}`);
      }
    },
  };
};
