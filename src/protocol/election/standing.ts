// What a node is worth as a leader, and when it may say so: its priority, the time of its next claim, and the claims that nobody answered.

import type { LeadRole, SegmentTiming } from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { ElectionRules } from './election-rules.ts';
import { claimStrength, type LeadResources, type Priority, priorityOf } from './priority.ts';

/** What a node is for the election. */
export interface Candidate {
  readonly role: LeadRole;
  /** The operator's, from 0 to 100; 1 changes nothing. */
  readonly factor: number;
  readonly resources: LeadResources;
}

export interface StandingOptions {
  readonly now: Instant;
  readonly timing: SegmentTiming;
  readonly random: () => number;
  readonly rules: ElectionRules;
  readonly candidate: Candidate;
  /** How many others are known to be up. */
  readonly others: number;
  /** Its last ballot names itself. */
  readonly isOwnBallot: boolean;
}

export interface Standing {
  priority(now: Instant): Priority;
  mayClaim(now: Instant): boolean;
  /** When to claim, seen from now; Infinity: not at all. */
  claimAt(now: Instant): Instant;
  others(): number;
  setOthers(others: number): void;
  role(): LeadRole;
  setCandidate(candidate: Candidate): void;
  /** Whether its interface is up; false: that is no news. */
  setUp(now: Instant, up: boolean): boolean;
  /** It does not claim before then. */
  listen(until: Instant): void;
  /** It leads from now on, or no longer; its own LAs count like those of others. */
  lead(isLeading: boolean, aliveAt: Instant): void;
  /** It heard an LA, of whomever. */
  noteAlive(at: Instant): void;
  lastAliveAt(): Instant;
  /** Somebody answered, or there is no need. */
  noteAnswered(): void;
  /** True once: so many claims were not answered that something is wrong. */
  noteUnanswered(): boolean;
  /** Claims in a row that nobody answered. */
  unanswered(): number;
}

const longAgo = Number.NEGATIVE_INFINITY;

export function createStanding(options: StandingOptions): Standing {
  const { timing, random, rules } = options;
  let { candidate, others } = options;
  let isUp = true;
  let isLeading = false;
  let unanswered = 0;
  let listensUntil = options.now + rules.listenMs(timing, options.isOwnBallot);
  let aliveAt: Instant = longAgo;
  let ledAt: Instant = options.isOwnBallot ? options.now : longAgo;

  const parameters = (now: Instant) => ({
    ...candidate.resources,
    role: candidate.role,
    factor: candidate.factor,
    servers: others,
    ledAgoMs: isLeading ? 0 : ledAt === longAgo ? null : now - ledAt,
  });
  const allowedAt = (): Instant => rules.claimAllowedAt(timing, aliveAt, listensUntil);
  const isCandidate = (): boolean => isUp && candidate.role !== 'never';

  return {
    priority: (now) => priorityOf(parameters(now)),
    mayClaim: (now) => isCandidate() && now >= allowedAt(),
    claimAt(now) {
      if (!isCandidate()) return Number.POSITIVE_INFINITY;
      const delayMs = rules.claimDelayMs(timing, claimStrength(parameters(now)), random());
      const restMs = rules.isUnanswered(timing, unanswered) ? timing.offlineMs : 0;
      return Math.max(now, allowedAt()) + delayMs + restMs;
    },
    others: () => others,
    setOthers(count) {
      others = count;
    },
    role: () => candidate.role,
    setCandidate(next) {
      candidate = next;
    },
    setUp(now, up) {
      if (up === isUp) return false;
      isUp = up;
      unanswered = 0;
      listensUntil = now + timing.listenMs;
      return true;
    },
    listen(until) {
      listensUntil = Math.max(listensUntil, until);
    },
    lead(leads, at) {
      isLeading = leads;
      ledAt = Math.max(ledAt, at);
      aliveAt = Math.max(aliveAt, at);
    },
    noteAlive(at) {
      aliveAt = at;
    },
    lastAliveAt: () => aliveAt,
    noteAnswered() {
      unanswered = 0;
    },
    noteUnanswered() {
      unanswered += 1;
      return rules.isUnanswered(timing, unanswered) && !rules.isUnanswered(timing, unanswered - 1);
    },
    unanswered: () => unanswered,
  };
}
