// The five states of R5.1, and what belongs to each.

import type { Instant } from '../machine.ts';
import type { Claim } from './claim.ts';

export type ElectionState =
  /** No leader is known. Infinity: this node does not claim. */
  | { readonly name: 'unknown'; readonly claimAt: Instant }
  | { readonly name: 'known'; readonly leader: Claim; readonly lostAt: Instant }
  | {
      readonly name: 'votingOpen';
      readonly claim: Claim;
      readonly endsAt: Instant;
      /** It led when the vote was opened, and does so until somebody better is settled. */
      readonly isIncumbent: boolean;
      /** Somebody conceded to this claim. */
      readonly isAnswered: boolean;
    }
  | { readonly name: 'conceding'; readonly to: Claim; readonly endsAt: Instant }
  | { readonly name: 'leading'; readonly claim: Claim };

/** The claim with which a node leads; undefined: it does not. */
export function servingClaim(state: ElectionState): Claim | undefined {
  if (state.name === 'leading') return state.claim;
  return state.name === 'votingOpen' && state.isIncumbent ? state.claim : undefined;
}
