// What a node has written down of elections, and its claim of the newest term. Sees to it that a ballot is durable before anything of it is
// sent (ELEC-2); whom to vote for is the election's decision.

import type { ControlMessage } from '../../model/segment.ts';
import type { Effect, Outgoing } from '../machine.ts';
import type { Ballot, Claim } from './claim.ts';
import type { ElectionRules } from './election-rules.ts';

export interface BallotBoxOptions {
  readonly node: string;
  readonly ballot: Ballot;
  readonly rules: ElectionRules;
  emit(effect: Effect<ControlMessage, Ballot, never>): void;
}

export interface BallotBox {
  /** The newest term that this node takes part in. */
  term(): number;
  /** For a claim that answers one of this term. */
  claimTerm(heardTerm: number): number;
  /** The claim that was made in this term and may be made again; undefined: there is none. */
  claimOf(term: number): Claim | undefined;
  voteFor(claim: Claim, thenSend: readonly Outgoing<ControlMessage>[]): void;
  /** The claim is not made again: it has led. */
  forgetClaim(): void;
  /** The last ballot is not durable: the next one is written whatever it says, and the claim is not made again. */
  notDurable(): void;
}

export function createBallotBox({ node, ballot: first, rules, emit }: BallotBoxOptions): BallotBox {
  let ballot = first;
  let isDurable = true;
  let own: Claim | undefined;

  return {
    term: () => ballot.term,
    claimTerm: (heardTerm) => rules.claimTerm(own?.term ?? null, ballot.term, heardTerm),
    claimOf: (term) => (own?.term === term ? own : undefined),

    voteFor(claim, thenSend) {
      own = claim.node === node ? claim : undefined;
      if (isDurable && ballot.term === claim.term && ballot.vote === claim.node) {
        for (const outgoing of thenSend) emit({ effect: 'send', ...outgoing });
        return;
      }
      ballot = { term: claim.term, vote: claim.node };
      isDurable = true;
      emit({ effect: 'persist', state: rules.ballot(claim.term, claim.node), thenSend });
    },

    forgetClaim() {
      own = undefined;
    },

    notDurable() {
      isDurable = false;
      own = undefined;
    },
  };
}
