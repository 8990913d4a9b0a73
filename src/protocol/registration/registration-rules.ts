// The decisions of registration, each a function of its own, so that the simulator can replace one by a wrong one. No state, no messages.
// Rules: docs/spec/registration.md.

import type { ListedMember, MemberDescription, SegmentTiming } from '../../model/segment.ts';
import type { Instant } from '../machine.ts';

/** Requests without an answer, after which a member tells that it is not heard. */
const unheardAfterRequests = 5;
/** How often the fixed part of the waiting time is doubled at most. */
const doublingsMax = 4;

export interface Waiting {
  /** When this member sent its request. */
  readonly requestedAt: Instant;
  /** The last request that it sent or heard. */
  readonly lastRequestAt: Instant;
  /** The last list that it heard. */
  readonly lastListAt: Instant | null;
  /** Drawn once a request: `retryWaitMs`. */
  readonly waitMs: number;
}

/** What a list has to bring: since when, and when the last request came. */
export interface Batch {
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

export const registrationRules = {
  /** REG-4: the fixed part and up to the random part; a member that nobody answers asks less and less often. */
  retryWaitMs(timing: SegmentTiming, requests: number, random: number): number {
    const doublings = Math.min(Math.max(requests - unheardAfterRequests, 0), doublingsMax);
    return timing.retryMs * 2 ** doublings + random * timing.retryRandomMs;
  },

  /** REG-4: counted from the last list, or from when the list is due that the last request calls for. */
  retryAt(timing: SegmentTiming, waiting: Waiting): Instant {
    const answerDueAt = Math.max(waiting.lastRequestAt + timing.quietMs, waiting.lastListAt ?? 0);
    return Math.min(answerDueAt, waiting.requestedAt + timing.quietMaxMs) + waiting.waitMs;
  },

  /** REG-3: only the list that answers the member's last request makes it registered. */
  isRegistered(entry: ListedMember | undefined, nonce: number): boolean {
    return entry?.online === true && entry.nonce === nonce;
  },

  /** REG-4 */
  isUnheard(requests: number): boolean {
    return requests >= unheardAfterRequests;
  },

  /** REG-8: registered, it is listed with a request that it did not make. */
  isNameTaken(entry: ListedMember | undefined, nonce: number): boolean {
    return entry?.online === true && entry.nonce !== nonce;
  },

  /** REG-9: an older list than the newest that was heard of a term says nothing. */
  isOldList(list: number, newest: number): boolean {
    return list < newest;
  },

  /** REG-7: the list waits until no request came for so long, and no longer than the maximum. */
  listDueAt(timing: SegmentTiming, batch: Batch): Instant {
    return Math.min(batch.lastAt + timing.quietMs, batch.firstAt + timing.quietMaxMs);
  },

  /** REG-6: a request counts only for the leader and term that it names. */
  isForMe(request: { leader: string; term: number }, node: string, term: number): boolean {
    return request.leader === node && request.term === term;
  },

  /** REG-10: a member whose newest whole list is another one gets the list again. */
  isBehind(memberHas: number, newest: number): boolean {
    return memberHas < newest;
  },

  /** REG-12: what a leader was late with its own work, because it was paused, is nobody's silence. */
  unattendedMs(lateMs: number): number {
    return lateMs;
  },

  /** REG-13 */
  isSilent(timing: SegmentTiming, silenceMs: number): boolean {
    return silenceMs >= timing.silentMs;
  },

  /** REG-13 */
  isOffline(timing: SegmentTiming, silenceMs: number): boolean {
    return silenceMs >= timing.offlineMs;
  },

  /** REG-16: with whom a new leader starts. */
  inherited(known: readonly ListedMember[]): readonly ListedMember[] {
    return known;
  },

  /** REG-5: what others must know of a member; its offer comes with each `here`. */
  needsNewRequest(before: MemberDescription, after: MemberDescription): boolean {
    return isOtherNode(before, after);
  },

  /** REG-19: what the CCM hears of at once; free space and load come with the next report. */
  isChangeToReport(before: MemberDescription, after: MemberDescription): boolean {
    return before.offer.maintenance !== after.offer.maintenance || isOtherNode(before, after);
  },

  /** REG-21: enough LAs for everybody to hear one. */
  moveAfterMs(timing: SegmentTiming): number {
    return 4 * timing.aliveMs;
  },
};

export type RegistrationRules = typeof registrationRules;

function isOtherNode(before: MemberDescription, after: MemberDescription): boolean {
  return (
    before.address !== after.address ||
    before.port !== after.port ||
    before.capabilities.length !== after.capabilities.length ||
    !before.capabilities.every((capability) => after.capabilities.includes(capability))
  );
}
