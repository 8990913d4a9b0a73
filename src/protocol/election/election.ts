// One node's part in the election of a segment's leader: five states, driven by LA, LC and time. Decides who leads; who belongs to the
// segment is registration's. Rules: docs/spec/election.md.

import type { ControlMessage, SegmentTiming } from '../../model/segment.ts';
import type { Instant, LogLine, Machine } from '../machine.ts';
import { createBallotBox } from './ballot-box.ts';
import type { Ballot, Claim } from './claim.ts';
import { createDeadlines } from './deadline.ts';
import type { ElectionEffect, ElectionInput, ElectionStatus } from './election-messages.ts';
import { type ElectionRules, electionRules } from './election-rules.ts';
import { type ElectionState, servingClaim } from './election-state.ts';
import { type Announced, createSpeech } from './speech.ts';
import { type Candidate, createStanding } from './standing.ts';

type VotingOpen = Extract<ElectionState, { readonly name: 'votingOpen' }>;

export interface ElectionOptions {
  /** When it starts. */
  readonly now: Instant;
  readonly node: string;
  readonly timing: SegmentTiming;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The last one that was made durable. */
  readonly ballot: Ballot;
  readonly candidate: Candidate;
  /** How many other nodes are known to be up. */
  readonly others: number;
  /** What registration and the driver have the LA say. */
  readonly announced: (now: Instant) => Omit<ReturnType<Announced>, 'accepted'>;
  readonly rules?: ElectionRules;
}

export interface Election extends Machine<ElectionInput, ElectionEffect> {
  status(now: Instant): ElectionStatus;
}

const never = Number.POSITIVE_INFINITY;
const longAgo = Number.NEGATIVE_INFINITY;

export function createElection(options: ElectionOptions): Election {
  const { node, timing, rules = electionRules } = options;
  const effects: ElectionEffect[] = [];
  const emit = (effect: ElectionEffect): void => void effects.push(effect);
  const log = (event: string, data: LogLine['data']): void => emit({ effect: 'log', event, data });
  const ballots = createBallotBox({ node, ballot: options.ballot, rules, emit });
  const standing = createStanding({ ...options, rules, isOwnBallot: options.ballot.vote === node });
  const announced: Announced = (now) => ({ accepted: isAccepted(), ...options.announced(now) });
  const speech = createSpeech({ timing, rules, announced, ballots, emit });
  const deadlines = createDeadlines(timing, rules, speech);

  let state: ElectionState = { name: 'unknown', claimAt: standing.claimAt(options.now) };
  let accepted: string | null = null;
  let isStopped = false;
  /** When this machine last ran. */
  let lookedAt: Instant = options.now;
  /** When somebody last spoke to this node, or it began to lead. */
  let attendedAt: Instant = longAgo;
  /** Somebody was heard since the first of the claims that nobody answered. */
  let hasHeard = false;
  let told: { readonly leader: string | null; readonly term: number } = { leader: null, term: 0 };

  const isAccepted = (): boolean => accepted === node && servingClaim(state) !== undefined;

  // States.

  function become(now: Instant, next: ElectionState): void {
    const served = servingClaim(state) !== undefined;
    state = next;
    const serves = servingClaim(state) !== undefined;
    if (served === serves) return;
    standing.lead(serves, speech.aliveAt());
    attendedAt = now;
    if (served) ballots.forgetClaim();
  }

  /** To unknown, from wherever; in unknown, the next claim is put off. */
  function giveUp(now: Instant): void {
    become(now, { name: 'unknown', claimAt: never });
    state = { name: 'unknown', claimAt: standing.claimAt(now) };
    speech.rest();
  }

  function openVoting(now: Instant, term: number, isIncumbent: boolean): void {
    const claim = claimFor(now, term);
    become(now, { name: 'votingOpen', claim, endsAt: now + timing.windowMs, isIncumbent, isAnswered: false });
    speech.claim(now, claim, isIncumbent);
  }

  function closeVoting(now: Instant, { claim, isIncumbent, isAnswered }: VotingOpen): void {
    if (isIncumbent || rules.mayLead(isAnswered, standing.others())) {
      standing.noteAnswered();
      become(now, { name: 'leading', claim });
      speech.alive(now, claim);
      return;
    }
    if (standing.noteUnanswered())
      emit({ effect: 'deliver', fact: hasHeard ? { fact: 'unheard', leader: null } : { fact: 'deaf' } });
    giveUp(now);
  }

  function concede(now: Instant, to: Claim): void {
    become(now, { name: 'conceding', to, endsAt: now + timing.concedeMs });
    speech.concede(to);
  }

  function follow(now: Instant, leader: Claim): void {
    standing.noteAnswered();
    become(now, { name: 'known', leader, lostAt: now + timing.lostMs });
    ballots.voteFor(leader, []);
  }

  function resign(now: Instant, why: string): void {
    const claim = servingClaim(state);
    if (claim === undefined) return;
    log('leader resigns', { why, term: claim.term });
    speech.resign(claim.term);
    giveUp(now);
  }

  /** What it claims, or has claimed, in this term (ELEC-8). */
  function claimFor(now: Instant, term: number): Claim {
    return ballots.claimOf(term) ?? { term, priority: standing.priority(now).priority, node };
  }

  /** The same claim in a newer term. */
  function raise(now: Instant, term: number): void {
    if (state.name === 'votingOpen') openVoting(now, term, state.isIncumbent);
    if (state.name !== 'leading') return;
    state = { name: 'leading', claim: claimFor(now, term) };
    speech.claim(now, state.claim, true);
  }

  /** ELEC-9: to a worse claim, or a worse leader. */
  function answer(now: Instant, own: Claim, term: number): void {
    if (!rules.answersWorseClaim()) return;
    // A leader's term is to be its own.
    if (term > own.term) raise(now, servingClaim(state) === undefined ? term : term + 1);
    else speech.claimSoon(now);
  }

  // What it hears.

  function onClaim(now: Instant, heard: Claim, isRivalAccepted: boolean): void {
    switch (state.name) {
      case 'known':
        return;
      case 'unknown': {
        const term = ballots.claimTerm(heard.term);
        const isStale = rules.isStale(heard.term, ballots.term());
        const isBetter = !isStale && rules.isBetter(heard, claimFor(now, term));
        if (standing.mayClaim(now) && !isBetter) {
          if (rules.answersWorseClaim()) openVoting(now, term, false);
        } else if (isStale) speech.newerTerm(heard.node);
        else concede(now, heard);
        return;
      }
      case 'conceding':
        if (rules.isStale(heard.term, ballots.term())) return;
        if (heard.node === state.to.node || rules.isBetter(heard, state.to)) concede(now, heard);
        return;
      case 'votingOpen':
      case 'leading': {
        const term = Math.max(heard.term, state.claim.term);
        const isStale = rules.isStale(heard.term, state.claim.term);
        if (servingClaim(state) !== undefined && rules.yieldsTo(isRivalAccepted, isAccepted())) {
          if (isStale) speech.newerTerm(heard.node);
        } else if (isStale || !rules.isBetter(heard, claimFor(now, term)))
          answer(now, state.claim, heard.term);
        else if (servingClaim(state) === undefined) concede(now, heard);
        else if (state.name === 'leading' || term > state.claim.term) openVoting(now, term, true);
        return;
      }
    }
  }

  function onAlive(now: Instant, heard: Claim, isRivalAccepted: boolean): void {
    const isStale = rules.isStale(heard.term, ballots.term());
    switch (state.name) {
      case 'unknown':
        heed(now, heard, isStale);
        return;
      case 'votingOpen':
        if (state.isIncumbent) onRival(now, heard, isRivalAccepted, state.claim);
        else heed(now, heard, isStale);
        return;
      case 'leading':
        onRival(now, heard, isRivalAccepted, state.claim);
        return;
      case 'conceding':
        if (!isStale) follow(now, heard);
        return;
      case 'known':
        if (heard.node === state.leader.node ? !isStale : rules.isHigherLeader(heard, state.leader))
          follow(now, heard);
        return;
    }
  }

  /** A leader is alive (ELEC-7); one that is stale has missed a term, and is told (ELEC-16). */
  function heed(now: Instant, leader: Claim, isStale: boolean): void {
    if (isStale) {
      speech.newerTerm(leader.node);
      giveUp(now);
    } else follow(now, leader);
  }

  /** Two leaders hear each other: the one that the CCM accepts goes on, else the better one. */
  function onRival(now: Instant, rival: Claim, isRivalAccepted: boolean, own: Claim): void {
    const isStale = rules.isStale(rival.term, own.term);
    if (rules.yieldsTo(isRivalAccepted, isAccepted())) {
      if (isStale) speech.newerTerm(rival.node);
      else follow(now, rival);
    } else if (state.name === 'leading') openVoting(now, rules.contestTerm(own.term, rival.term), true);
    else if (!isStale && !rules.yieldsTo(isAccepted(), isRivalAccepted) && rules.isBetter(rival, own))
      follow(now, rival);
    else answer(now, own, rival.term);
  }

  function onMessage(now: Instant, from: string, message: ControlMessage): void {
    if (!rules.isWithinReach(message.term, ballots.term())) {
      log('term out of reach', { from, term: message.term });
      return;
    }
    hasHeard = true;
    const own = servingClaim(state);
    if (own !== undefined && rules.speaksToLeader(message, own)) attendedAt = now;
    switch (message.type) {
      case 'leader-alive':
        standing.noteAlive(now);
        onAlive(now, { term: message.term, priority: message.priority, node: from }, message.accepted);
        return;
      case 'leader-claim':
        onClaim(now, { term: message.term, priority: message.priority, node: from }, message.accepted);
        return;
      case 'concede':
        if (state.name === 'votingOpen' && state.claim.term === message.term)
          state = { ...state, isAnswered: true };
        return;
      case 'newer-term':
        if (state.name !== 'votingOpen' && state.name !== 'leading') return;
        if (rules.isStale(state.claim.term, message.term)) raise(now, message.term + 1);
        return;
      case 'resign':
      case 'leave':
        if (state.name === 'known' && state.leader.node === from) giveUp(now);
        if (state.name === 'conceding' && state.to.node === from) giveUp(now);
        return;
      default:
        return;
    }
  }

  // Time.

  /** It looks at the clock at least every aliveMs, so that it notices when it could not. */
  function nextTimeout(): Instant {
    return Math.min(deadlines.next(state), lookedAt + timing.aliveMs);
  }

  /** ELEC-17: who slept does not know what it missed, and reads the messages that waited for it before it acts. */
  function noticePause(now: Instant): void {
    const lateMs = now - nextTimeout();
    if (!rules.wasPaused(timing, lateMs)) return;
    if (servingClaim(state) !== undefined && !rules.wasSilent(timing, now - speech.aliveAt())) return;
    log('pause noticed', { lateMs: Math.round(lateMs), state: state.name });
    const until = now + timing.aliveMs;
    standing.listen(until);
    if (state.name === 'known') state = { ...state, lostAt: Math.max(state.lostAt, until) };
    else if (state.name === 'conceding') state = { ...state, endsAt: Math.max(state.endsAt, until) };
    else giveUp(now);
  }

  function act(now: Instant): void {
    if (deadlines.next(state) > now) return;
    switch (state.name) {
      case 'unknown':
        if (standing.unanswered() === 0) hasHeard = false;
        openVoting(now, ballots.claimTerm(0), false);
        return;
      case 'known':
        log('leader lost', { leader: state.leader.node, term: state.leader.term });
        giveUp(now);
        return;
      case 'conceding':
        giveUp(now);
        return;
      case 'votingOpen':
      case 'leading': {
        const { claim } = state;
        const isServing = servingClaim(state) !== undefined;
        if (isServing && rules.isUnattended(timing, now - attendedAt, standing.others())) {
          resign(now, 'nobody speaks to it');
          return;
        }
        if (deadlines.claim(state) <= now) speech.claim(now, claim, false);
        if (deadlines.alive(state) <= now) speech.alive(now, claim);
        if (state.name === 'votingOpen' && state.endsAt <= now) closeVoting(now, state);
        return;
      }
    }
  }

  // Inputs.

  function take(now: Instant, input: ElectionInput): void {
    switch (input.input) {
      case 'message':
        if (input.from !== node) onMessage(now, input.from, input.message);
        return;
      case 'persistFailed':
        log('ballot not durable', { term: ballots.term() });
        ballots.notDurable();
        standing.noteUnanswered();
        if (state.name === 'votingOpen' || state.name === 'leading') giveUp(now);
        return;
      case 'candidate': {
        const isOtherRole = input.candidate.role !== standing.role();
        standing.setCandidate(input.candidate);
        if (!isOtherRole) return;
        if (input.candidate.role === 'never') resign(now, 'it may not lead');
        if (state.name === 'unknown' || (state.name === 'votingOpen' && !state.isIncumbent)) giveUp(now);
        return;
      }
      case 'others':
        if (standing.others() === 0) attendedAt = now;
        standing.setOthers(input.others);
        return;
      case 'accepted':
        accepted = input.leader;
        return;
      case 'network':
        if (standing.setUp(now, input.up)) giveUp(now);
        return;
      case 'resign':
        resign(now, 'another one is to lead');
        return;
      case 'stop':
        isStopped = true;
        return;
    }
  }

  /** ELEC-18: derived from the state, so that no transition can forget to tell. */
  function tellLeader(): void {
    const claim = state.name === 'known' ? state.leader : servingClaim(state);
    const leader = claim?.node ?? null;
    const term = claim?.term ?? ballots.term();
    if (leader === told.leader && (leader === null || term === told.term)) return;
    told = { leader, term };
    const priority = claim?.priority ?? 0;
    emit({ effect: 'deliver', fact: { fact: 'leader', leader, term, priority, self: leader === node } });
  }

  return {
    handle(now, input) {
      if (isStopped) return;
      noticePause(now);
      take(now, input);
      tellLeader();
      lookedAt = now;
    },

    onTimeout(now) {
      if (isStopped) return;
      noticePause(now);
      act(now);
      tellLeader();
      lookedAt = now;
    },

    pollEffect: () => effects.shift(),

    nextTimeout: () => (isStopped ? undefined : nextTimeout()),

    status(now) {
      const aliveAt = servingClaim(state) === undefined ? standing.lastAliveAt() : speech.aliveAt();
      return {
        ...standing.priority(now),
        state: state.name,
        term: ballots.term(),
        leader: told.leader,
        aliveAgoMs: aliveAt === longAgo ? null : now - aliveAt,
      };
    },
  };
}
