// The CCM never accepts two leaders at once: another is accepted only when the former has lost its link or leads no more (SEG-1, SEG-2).

import type { MakeChecker } from '../segment-view.ts';

export const ccmAcceptsOne: MakeChecker = ({ node, ccm }, violate) => {
  let accepted: string | null = null;
  return {
    name: 'ccm-accepts-one',
    accepted(claim) {
      const former = accepted === null ? undefined : node(accepted);
      accepted = claim?.leader ?? null;
      if (former === undefined || claim === null || claim.leader === former.name) return;
      if (former.isUp && ccm.isLinked(former.index) && former.leader === former.index) {
        violate(`${claim.leader} is accepted while ${former.name} leads and has its link`);
      }
    },
  };
};
