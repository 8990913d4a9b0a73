// The decisions of a session, each a function of its own, so that the simulator can replace one by a wrong one. No state, no messages.
// Rules: docs/spec/mctp.md.

import type { Instant } from '../machine.ts';
import type { MctpRepair } from './mctp-session.ts';
import type { MctpTiming } from './mctp-timing.ts';

/** A status with its headers, on average. */
const statusWireBytes = 160;

export const mctpRules = {
  /** MCTP-20: any frames of a block complete it where parity repairs; else, and where digests name its frames, its data frames alone. */
  isAssembled(
    repair: MctpRepair,
    isDataOnly: boolean,
    frames: number,
    dataHeld: number,
    held: number,
  ): boolean {
    return repair === 'fec' && !isDataOnly ? held >= frames : dataHeld >= frames;
  },

  /** MCTP-21 */
  mayHold(timing: MctpTiming, held: number): boolean {
    return held < timing.heldBlocksMax;
  },

  /** MCTP-22: nothing counts as there before it is verified and durable. */
  isComplete(blocks: number, verified: number, _assembled: number): boolean {
    return verified === blocks;
  },

  /** MCTP-14: how far apart a receiver's statuses are, by what it hears in a millisecond. */
  statusGapMs(timing: MctpTiming, receivers: number, bytesPerMs: number): number {
    const shareMs = (receivers * statusWireBytes) / (timing.statusShare * Math.max(bytesPerMs, 1));
    return Math.max(2 + receivers * timing.perStatusMs, Math.min(shareMs, timing.statusGapMaxMs));
  },

  /** MCTP-14: over how much time answers are spread. */
  spreadMs(timing: MctpTiming, receivers: number): number {
    return receivers * timing.perStatusMs;
  },

  /** MCTP-15: blocks below, of which nothing came, are asked for. */
  absentUpTo(frontier: number): number {
    return frontier;
  },

  /** MCTP-15: what was asked for is asked for again, at once when a repair came and was not enough. */
  isAskedAgain(timing: MctpTiming, now: Instant, askedAt: Instant, heardSince: boolean): boolean {
    return heardSince || now - askedAt >= timing.retryMs;
  },

  /** MCTP-24 */
  isAbandoned(timing: MctpTiming, now: Instant, heardAt: Instant): boolean {
    return now >= heardAt + timing.silenceMs;
  },

  /** MCTP-16: frames that were sent after what a status knows of are on their way, and not sent again for it. */
  isInFlight(sentNumber: number, asOf: number): boolean {
    return sentNumber > asOf;
  },

  /** MCTP-17: what several receivers miss is sent once: the most that one lacks. */
  needOf(queued: number, asked: number): number {
    return Math.max(queued, asked);
  },

  /** MCTP-18: as many as all but the unluckiest receivers are expected to need; none before loss was measured. */
  proactiveParity(frames: number, loss: number, receivers: number): number {
    if (loss <= 0 || receivers === 0) return 0;
    const mean = (frames * loss) / (1 - loss);
    const deviation = Math.sqrt(frames * loss) / (1 - loss);
    const unluckiest = 0.75 * Math.log(Math.max(2, receivers)) ** 0.8;
    return Math.max(0, Math.floor(mean + (unluckiest - 1) * deviation));
  },

  /** MCTP-26: it misses far more than the others do. */
  isLossy(loss: number, medianLoss: number): boolean {
    return loss > 0.35 && loss > 2 * medianLoss + 0.1;
  },

  /** MCTP-25 */
  isSilent(timing: MctpTiming, unanswered: number, silenceMs: number): boolean {
    return unanswered >= timing.silentRounds && silenceMs >= timing.silentMs;
  },

  /** MCTP-27 */
  isStuck(timing: MctpTiming, stalePasses: number): boolean {
    return stalePasses >= timing.passesMax;
  },

  /** MCTP-28: blocks that are sent once more for so few receivers come to them by unicast. */
  isAlone(lacking: number): boolean {
    return lacking <= 1;
  },

  /** MCTP-23: a block that all receivers hold is not sent. */
  isNeeded(needing: number): boolean {
    return needing > 0;
  },

  /** MCTP-30 */
  sendsDigests(_forged: number): boolean {
    return true;
  },

  /** MCTP-29 */
  isQuorum(complete: number, receivers: number, share: number): boolean {
    return complete >= Math.ceil(share * receivers);
  },

  /** MCTP-13: from a receiver of this session, of nobody else. */
  isMine(session: number, ofStatus: number): boolean {
    return session === ofStatus;
  },
};

export type MctpRules = typeof mctpRules;
