// The decisions of an election, each a function of its own, so that the simulator can replace one by a wrong one. No state, no messages.
// Rules: docs/spec/election.md.

import type { ControlMessage, SegmentTiming } from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { Ballot, Claim } from './claim.ts';

/** So many claims that nobody answered say something. */
const unansweredMin = 3;
/** Share of the claim delays' range that chance decides, so that equals do not always collide. */
const chanceShare = 0.2;

/** A term so much above the own one is not one that elections have come to. */
const termStepMax = 2 ** 24;

export const electionRules = {
  /** ELEC-24 */
  isWithinReach(heardTerm: number, ownTerm: number): boolean {
    return heardTerm - ownTerm <= termStepMax;
  },

  /** ELEC-3 */
  isStale(heardTerm: number, ownTerm: number): boolean {
    return heardTerm < ownTerm;
  },

  /** ELEC-4: ties go by name. */
  isBetter(one: Claim, other: Claim): boolean {
    return one.priority > other.priority || (one.priority === other.priority && one.node < other.node);
  },

  /** ELEC-5: of two leaders the members follow the higher one. */
  isHigherLeader(one: Claim, other: Claim): boolean {
    return one.term > other.term || (one.term === other.term && electionRules.isBetter(one, other));
  },

  /** ELEC-2: what is written down before anything of it is sent. */
  ballot(term: number, vote: string): Ballot {
    return { term, vote };
  },

  /** ELEC-8: a claim that is made again keeps its term; a new one has a term of its own, not below the one that it answers. */
  claimTerm(madeTerm: number | null, ballotTerm: number, heardTerm: number): number {
    return madeTerm !== null && madeTerm >= heardTerm ? madeTerm : Math.max(ballotTerm + 1, heardTerm);
  },

  /** ELEC-14: two leaders of one term would still have one term after the vote. */
  contestTerm(ownTerm: number, rivalTerm: number): number {
    return rivalTerm < ownTerm ? ownTerm : rivalTerm + 1;
  },

  /** ELEC-6: never sooner than the minimum after the last LA, nor before it has listened. */
  claimAllowedAt(timing: SegmentTiming, lastAliveAt: Instant, listensUntil: Instant): Instant {
    return Math.max(lastAliveAt + timing.triggerMinMs, listensUntil);
  },

  /** ELEC-6: who may have led until it was restarted waits as the others do. */
  listenMs(timing: SegmentTiming, isOwnBallot: boolean): number {
    return isOwnBallot ? Math.max(timing.listenMs, timing.triggerMinMs) : timing.listenMs;
  },

  /** ELEC-23: the stronger the sooner. */
  claimDelayMs(timing: SegmentTiming, strength: number, random: number): number {
    const share = (1 - chanceShare) * (1 - strength) + chanceShare * random;
    return timing.claimDelayMinMs + (timing.claimDelayMaxMs - timing.claimDelayMinMs) * share;
  },

  /** ELEC-9 */
  answersWorseClaim(): boolean {
    return true;
  },

  /** ELEC-9: what was said so recently need not be said again. */
  answerGapMs(timing: SegmentTiming): number {
    return timing.windowMs / 8;
  },

  /** ELEC-10: an LC that nobody has answered may have been lost, or the answer. */
  repeatMs(timing: SegmentTiming): number {
    return timing.windowMs / 4;
  },

  /** ELEC-10: who is not heard leads nobody, unless there is nobody else. */
  mayLead(isAnswered: boolean, others: number): boolean {
    return isAnswered || others === 0;
  },

  /** ELEC-11: by then everybody else has lost a leader that died, and hears claims. */
  isUnanswered(timing: SegmentTiming, claims: number): boolean {
    return claims >= Math.max(unansweredMin, Math.ceil(timing.lostMs / timing.windowMs));
  },

  /** ELEC-13: whether it shows that this leader is heard, in the term in which it leads. */
  speaksToLeader(message: ControlMessage, { node, term }: Claim): boolean {
    switch (message.type) {
      case 'newer-term':
        return true;
      case 'here':
      case 'concede':
        return message.term === term;
      case 'register':
        return message.term === term && message.leader === node;
      default:
        return false;
    }
  },

  /** ELEC-13: members say that they are there; a leader to whom nobody speaks is not heard. */
  isUnattended(timing: SegmentTiming, silenceMs: number, others: number): boolean {
    return others > 0 && silenceMs >= timing.offlineMs;
  },

  /** ELEC-15 */
  yieldsTo(rivalIsAccepted: boolean, isAccepted: boolean): boolean {
    return rivalIsAccepted && !isAccepted;
  },

  /** ELEC-17 */
  wasPaused(timing: SegmentTiming, lateMs: number): boolean {
    return lateMs > timing.aliveMs;
  },

  /** ELEC-17: the members of a leader that was silent for so long may have chosen another one. */
  wasSilent(timing: SegmentTiming, silenceMs: number): boolean {
    return silenceMs >= timing.lostMs;
  },
};

export type ElectionRules = typeof electionRules;
