// What a node says in an election, and when it said it last. Whether and what it says is the election's decision.

import type { ControlMessage, SegmentTiming } from '../../model/segment.ts';
import type { Destination, Effect, Instant, Outgoing } from '../machine.ts';
import type { BallotBox } from './ballot-box.ts';
import type { Claim } from './claim.ts';
import type { ElectionRules } from './election-rules.ts';

type LeaderAlive = Extract<ControlMessage, { readonly type: 'leader-alive' }>;

/** What an LA says beside the claim. */
export type Announced = (now: Instant) => Omit<LeaderAlive, 'type' | 'term' | 'priority'>;

export interface SpeechOptions {
  readonly timing: SegmentTiming;
  readonly rules: ElectionRules;
  readonly announced: Announced;
  readonly ballots: BallotBox;
  emit(effect: Effect<ControlMessage, never, never>): void;
}

export interface Speech {
  /** LC; of who leads, LA with it. Durable first. */
  claim(now: Instant, claim: Claim, leads: boolean): void;
  /** The claim again, unless that was said a moment ago (ELEC-9). */
  claimSoon(now: Instant): void;
  alive(now: Instant, claim: Claim): void;
  /** Durable first. */
  concede(to: Claim): void;
  newerTerm(to: string): void;
  resign(term: number): void;
  /** No claim is owed any more. */
  rest(): void;
  /** When a claim is owed; Infinity: none is. */
  claimDueAt(): Instant;
  /** When the claim was said last. */
  claimedAt(): Instant;
  /** When the last LA was said; -Infinity: none was. */
  aliveAt(): Instant;
}

const group: Destination = { group: true };
const never = Number.POSITIVE_INFINITY;
const longAgo = Number.NEGATIVE_INFINITY;

export function createSpeech({ timing, rules, announced, ballots, emit }: SpeechOptions): Speech {
  let aliveAt: Instant = longAgo;
  let claimedAt: Instant = longAgo;
  let claimDueAt: Instant = never;

  const say = (to: Destination, message: ControlMessage): void => emit({ effect: 'send', to, message });
  const aliveOf = (now: Instant, { term, priority }: Claim): ControlMessage => {
    aliveAt = now;
    return { type: 'leader-alive', term, priority, ...announced(now) };
  };

  return {
    claim(now, claim, leads) {
      const { term, priority } = claim;
      const messages: Outgoing<ControlMessage>[] = [
        { to: group, message: { type: 'leader-claim', term, priority, accepted: announced(now).accepted } },
      ];
      if (leads) messages.push({ to: group, message: aliveOf(now, claim) });
      claimedAt = now;
      claimDueAt = never;
      ballots.voteFor(claim, messages);
    },
    claimSoon(now) {
      claimDueAt = Math.min(claimDueAt, Math.max(now, claimedAt + rules.answerGapMs(timing)));
    },
    alive: (now, claim) => say(group, aliveOf(now, claim)),
    concede: (to) =>
      ballots.voteFor(to, [{ to: { node: to.node }, message: { type: 'concede', term: to.term } }]),
    newerTerm: (to) => say({ node: to }, { type: 'newer-term', term: ballots.term() }),
    resign: (term) => say(group, { type: 'resign', term }),
    rest() {
      claimDueAt = never;
    },
    claimDueAt: () => claimDueAt,
    claimedAt: () => claimedAt,
    aliveAt: () => aliveAt,
  };
}
