// Mistakes in elections: each replaces one of the election's decisions.

import { emptyBallot } from '../../protocol/election/claim.ts';
import { electionRules } from '../../protocol/election/election-rules.ts';
import type { Mutant } from './mutant.ts';

export const electionMutants: readonly Mutant[] = [
  {
    name: 'no-tie-break',
    mistake: 'of two equal claims neither is better',
    changes: { election: { isBetter: (one, other) => one.priority > other.priority } },
  },
  {
    name: 'worse-is-better',
    mistake: 'the weaker of two claims wins',
    changes: { election: { isBetter: (one, other) => electionRules.isBetter(other, one) } },
  },
  {
    name: 'stale-leader-accepted',
    mistake: 'an LA or LC of a former term counts like a new one',
    changes: { election: { isStale: () => false } },
  },
  {
    name: 'term-not-persisted',
    mistake: 'what is written before a claim is not its term',
    changes: { election: { ballot: () => emptyBallot } },
  },
  {
    name: 'vote-not-persisted',
    mistake: 'the term is written without whom it was given to',
    changes: { election: { ballot: (term) => ({ term, vote: null }) } },
  },
  {
    name: 'worse-claim-not-answered',
    mistake: 'a worse claim is left alone',
    changes: { election: { answersWorseClaim: () => false } },
  },
  {
    name: 'claims-too-soon',
    mistake: 'half of the minimum after the last LA is enough to claim',
    changes: {
      election: {
        claimAllowedAt: (timing, lastAliveAt, listensUntil) =>
          Math.max(lastAliveAt + timing.triggerMinMs / 2, listensUntil),
      },
    },
  },
  {
    name: 'claims-without-listening',
    mistake: 'a node that starts claims before it has listened',
    changes: { election: { listenMs: () => 0 } },
  },
  {
    name: 'unheard-leader-stays',
    mistake: 'a leader to whom nobody speaks goes on',
    changes: { election: { isUnattended: () => false } },
  },
  {
    name: 'unheard-claim-leads',
    mistake: 'a claim that nobody conceded to leads',
    changes: { election: { mayLead: () => true } },
  },
  {
    name: 'term-not-raised',
    mistake: 'a new claim has the term of the last one',
    changes: {
      election: { claimTerm: (_made, ballotTerm, heardTerm) => Math.max(ballotTerm, heardTerm, 1) },
    },
  },
  {
    name: 'refused-leader-stays',
    mistake: 'a leader that the CCM refuses does not yield to the accepted one',
    changes: { election: { yieldsTo: () => false } },
  },
  {
    name: 'pause-not-noticed',
    mistake: 'a process that slept acts before it reads what waited for it',
    changes: { election: { wasPaused: () => false } },
  },
  {
    name: 'lower-leader-followed',
    mistake: 'of two leaders the members follow the lower one',
    changes: { election: { isHigherLeader: (one, other) => electionRules.isHigherLeader(other, one) } },
  },
];
