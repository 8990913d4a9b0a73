// When a node's next move in an election is due, by its state and what it said last.

import type { SegmentTiming } from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { ElectionRules } from './election-rules.ts';
import { type ElectionState, servingClaim } from './election-state.ts';
import type { Speech } from './speech.ts';

const never = Number.POSITIVE_INFINITY;

export interface Deadlines {
  /** Of whatever comes first. */
  next(state: ElectionState): Instant;
  /** Of the LC that it owes; Infinity: it owes none. */
  claim(state: ElectionState): Instant;
  /** Of a leader's LA; Infinity: it does not lead. */
  alive(state: ElectionState): Instant;
}

export function createDeadlines(timing: SegmentTiming, rules: ElectionRules, speech: Speech): Deadlines {
  const alive = (state: ElectionState): Instant =>
    servingClaim(state) === undefined ? never : speech.aliveAt() + timing.aliveMs;

  function claim(state: ElectionState): Instant {
    if (state.name !== 'votingOpen' || state.isIncumbent || state.isAnswered) return speech.claimDueAt();
    const repeatAt = speech.claimedAt() + rules.repeatMs(timing);
    return Math.min(speech.claimDueAt(), repeatAt < state.endsAt ? repeatAt : never);
  }

  function next(state: ElectionState): Instant {
    switch (state.name) {
      case 'unknown':
        return state.claimAt;
      case 'known':
        return state.lostAt;
      case 'conceding':
        return state.endsAt;
      case 'votingOpen':
        return Math.min(state.endsAt, claim(state), alive(state));
      case 'leading':
        return Math.min(claim(state), alive(state));
    }
  }

  return { next, claim, alive };
}
