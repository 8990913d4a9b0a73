// The sender of a session: what is sent when, to whom it is repaired how, and when it is over. It waits for nobody for ever: whoever cannot be served
// by multicast is handed to unicast, and the session ends (MCTP-32).

import type { Instant } from '../machine.ts';
import { createAttendance } from './attendance.ts';
import { normalRanges } from './block-ranges.ts';
import { createDemands } from './demands.ts';
import { createFreshBlocks } from './fresh-blocks.ts';
import { createLossMeter } from './loss-meter.ts';
import type { MctpSender, MctpSenderEffect, MctpSenderFact, MctpSenderInput } from './mctp-machines.ts';
import type { BlockRange, MctpFrame, MctpSenderMessage, MctpStatus } from './mctp-messages.ts';
import { type MctpRules, mctpRules } from './mctp-rules.ts';
import { createMctpLayout, frameHeaderBytes, type MctpSession, singleBytesMax } from './mctp-session.ts';
import { type MctpTiming, mctpTiming } from './mctp-timing.ts';
import type { MctpRate } from './rate.ts';
import { createReceiverTable, type ReceiverEntry } from './receiver-table.ts';
import { createRepairs, type Run } from './repairs.ts';
import { createRounds } from './rounds.ts';
import { createSendings } from './sendings.ts';

export interface MctpSenderOptions {
  readonly now: Instant;
  readonly session: MctpSession;
  /** All for whom it is. */
  readonly receivers: readonly string[];
  /** How many of them, as a share, are enough. */
  readonly quorum: number;
  /** Its own, or one that sessions on the same link share. */
  readonly rate: MctpRate;
  readonly timing?: MctpTiming;
  readonly rules?: MctpRules;
}

/** Frames whose loss is judged together, and for how long at least they are sent. */
const measuredFrames = 200;
const measuredMs = 150;
/** Repairs may be so many times what is sent for the first time, so that nobody's wishes keep a session from its end. */
const repairShareMax = 2;
const repairsAlways = 2000;
/** Late by more, it was stopped. */
const pauseMs = 1000;

export function createMctpSender(options: MctpSenderOptions): MctpSender {
  const { session, rate, quorum, rules = mctpRules, timing = mctpTiming } = options;
  const layout = createMctpLayout(session);
  const table = createReceiverTable(options.receivers, options.now);
  const receivers = table.all().length;
  const meter = createLossMeter();
  const repairs = createRepairs({ layout, repair: session.repair, rules, timing });
  const fresh = createFreshBlocks(layout.blocks, rules);
  const rounds = createRounds({ table, rules, timing });
  const effects: MctpSenderEffect[] = [];
  const everything: readonly BlockRange[] = [{ from: 0, to: layout.blocks }];
  const sendings = createSendings();
  const fullFrames = layout.frames(Math.min(layout.manifestBlocks, layout.blocks - 1));

  let isSending = layout.bytes <= singleBytesMax;
  const joinAt = options.now + timing.joinMs;
  const joinMaxAt = options.now + timing.joinMaxMs;
  let number = 0;
  let repairFrames = 0;
  let run: Run | undefined;
  let runAt = 0;
  let isUp = true;
  let downAt = 0;
  /** It was stopped: nothing is concluded from silence before. */
  let wakesAt = options.now;
  let sentAt = options.now;
  let progressAt = options.now;
  let epoch = rate.epoch();
  let epochAt = options.now;
  let epochNumber = 0;
  let isProblemTold = false;

  const tell = (fact: MctpSenderFact): void => void effects.push({ effect: 'deliver', fact });
  const sendTo = (node: string, message: MctpSenderMessage): void =>
    void effects.push({ effect: 'send', to: { node }, message });
  const id = session.session;
  const attendance = createAttendance({
    ...{ session: id, blocks: layout.blocks, quorum, table, meter, fresh, rules, tell, sendTo },
    number: () => number,
  });
  const demands = createDemands({
    ...{ layout, table, meter, repairs, attendance, rules, timing, tell },
    runBlock: () => run?.block,
  });

  /** When all are known, or some time has passed and somebody is there. */
  function begin(now: Instant): void {
    if (isSending) return;
    if (table.count('invited') > 0 && (now < joinAt || table.count('receiving') === 0)) return;
    isSending = true;
    progressAt = now;
    epochAt = now;
  }

  function heard(now: Instant, from: string, status: MctpStatus): void {
    const entry = table.get(from);
    if (entry === undefined || !rules.isMine(id, status.session)) return;
    if (entry.state === 'unicast' && status.state !== 'complete') {
      attendance.remind(now, entry);
      return;
    }
    if (entry.state === 'complete' || entry.state === 'failed') return;
    if (entry.state === 'invited' || entry.state === 'absent') attendance.join(now, entry, everything);
    if (status.state === 'complete') attendance.complete(entry);
    else if (status.state === 'failed') attendance.failed(entry, status.reason);
    else if (status.state === 'gone') attendance.handOver(now, entry, 'gone');
    else misses(now, entry, status);
  }

  function misses(now: Instant, entry: ReceiverEntry, status: MctpStatus): void {
    // MCTP-16: who has heard of frames that were not sent has heard a member with the key that makes up numbers: its own count says nothing.
    const isMisled = status.asOf > number;
    const asOf = isMisled ? sendings.before(now - timing.retryMs) : status.asOf;
    if (!isMisled) meter.report(entry.node, asOf, status.heard);
    rounds.heard(now, entry, status, fullFrames);
    demands.take(now, entry, status, asOf);
  }

  function closeRound(now: Instant): void {
    const given = rounds.close(now);
    const isStale = rules.isStuck(timing, rounds.stalePasses());
    if (isStale && !isProblemTold && !attendance.isQuorum()) {
      isProblemTold = true;
      const lagging = table.outcome().unicast;
      tell({ fact: 'problem', passes: rounds.stalePasses(), lagging });
    }
    for (const { entry, why } of given) attendance.handOver(now, entry, why);
    if (rounds.round() >= timing.roundsMax) attendance.stop(now, 'stuck');
    if (!attendance.isEnded()) demands.sendAbsent();
  }

  const isAllSent = (): boolean => fresh.isDone() && run === undefined && !repairs.isWaiting();
  const hasFrames = (): boolean =>
    isSending &&
    isUp &&
    !attendance.isEnded() &&
    (run !== undefined || repairs.isWaiting() || fresh.next() !== undefined);

  /** What goes out next, while nothing is under way. */
  function nextRun(): Run | undefined {
    const block = fresh.next();
    const loss = meter.median();
    const isRepairTurn =
      block === undefined || repairFrames <= repairsAlways + repairShareMax * (number - repairFrames);
    if (isRepairTurn) {
      const repair = repairs.nextRepair(block === undefined ? loss : 0);
      if (repair !== undefined) return repair;
    }
    if (block === undefined) return undefined;
    fresh.take(block);
    const parity =
      session.repair === 'fec' ? rules.proactiveParity(layout.frames(block), loss, table.open().length) : 0;
    return repairs.firstRun(block, parity);
  }

  function judgeLoss(now: Instant): void {
    if (rate.epoch() !== epoch) {
      epoch = rate.epoch();
      epochAt = now;
      epochNumber = number;
      meter.begin(number);
      return;
    }
    const gapMs = rules.statusGapMs(timing, receivers, rate.bytesPerSecond() / 1000);
    if (number - epochNumber < measuredFrames || now - epochAt < Math.max(measuredMs, 4 * gapMs)) return;
    rate.lost(now, meter.current(), number - epochNumber);
    epoch = rate.epoch();
    epochAt = now;
    epochNumber = number;
    meter.begin(number);
  }

  function ask(now: Instant): void {
    for (const { to, asked } of rounds.ask(now)) {
      const spreadMs = to === null ? rules.spreadMs(timing, receivers) : 0;
      const request = {
        type: 'status-request',
        session: id,
        round: rounds.round(),
        asked,
        spreadMs,
      } as const;
      const message = { ...request, number, upTo: fresh.upTo() };
      sentAt = now;
      effects.push({ effect: 'send', to: to === null ? { group: true } : { node: to }, message });
    }
  }

  function sayAlive(now: Instant): void {
    sentAt = now;
    const message = {
      ...({ type: 'status-request', session: id, round: 0, asked: { missing: [] } } as const),
      ...{ spreadMs: 0, number, upTo: fresh.upTo() },
    };
    effects.push({ effect: 'send', to: { group: true }, message });
  }

  /** What is due when nothing more can be sent. */
  function advance(now: Instant): void {
    begin(now);
    if (!isSending || attendance.isEnded()) return;
    if (!isAllSent()) {
      rounds.unsettle();
      return;
    }
    rounds.settle(now);
  }

  function dueAt(): Instant {
    if (!isUp) return downAt + timing.downMs;
    const times = [sentAt + timing.aliveMs];
    if (table.count('invited') > 0) times.push(joinMaxAt);
    if (!isSending) {
      if (table.count('receiving') > 0) times.push(joinAt);
    } else {
      if (!fresh.isDone()) times.push(progressAt + timing.stallMs);
      const roundAt = rounds.dueAt();
      if (roundAt !== undefined) times.push(roundAt);
    }
    return Math.max(wakesAt, Math.min(...times));
  }

  function take(now: Instant, input: MctpSenderInput): void {
    switch (input.input) {
      case 'joined': {
        const entry = table.get(input.node);
        if (entry !== undefined) attendance.join(now, entry, normalRanges(input.lacks, layout.blocks));
        return;
      }
      case 'absent': {
        const entry = table.get(input.node);
        if (entry?.state === 'invited' || entry?.state === 'receiving')
          attendance.handOver(now, entry, 'absent');
        return;
      }
      case 'status':
        heard(now, input.from, input.status);
        return;
      case 'available':
        fresh.available({
          from: Math.max(0, input.blocks.from),
          to: Math.min(layout.blocks, input.blocks.to),
        });
        progressAt = now;
        return;
      case 'overrun':
        rate.overrun(now);
        return;
      case 'network':
        if (isUp && !input.up) downAt = now;
        if (!isUp && input.up) rounds.postpone(now);
        isUp = input.up;
        return;
      case 'stop':
        attendance.stop(now, 'stopped');
        return;
    }
  }

  return {
    handle(now, input) {
      if (attendance.isEnded()) return;
      take(now, input);
      if (attendance.isEnded()) return;
      if (rounds.isOver(now) && isUp) closeRound(now);
      advance(now);
    },

    onTimeout(now) {
      if (attendance.isEnded()) return;
      const due = dueAt();
      if (now < due) return;
      if (!isUp) {
        attendance.stop(now, 'stopped');
        return;
      }
      if (now - due > pauseMs) {
        // What waited for it is read first (MCTP-33).
        wakesAt = now + timing.answerMs;
        rounds.postpone(now);
        progressAt = now;
        return;
      }
      if (now >= joinMaxAt)
        for (const entry of table.open())
          if (entry.state === 'invited') attendance.handOver(now, entry, 'absent');
      if (attendance.isEnded()) return;
      if (!fresh.isDone() && now >= progressAt + timing.stallMs) {
        attendance.stop(now, 'stopped');
        return;
      }
      if (rounds.isOver(now)) closeRound(now);
      advance(now);
      ask(now);
      if (now >= sentAt + timing.aliveMs) sayAlive(now);
    },

    nextFrames(now, bytesMax) {
      const frames: MctpFrame[] = [];
      if (!hasFrames()) return frames;
      judgeLoss(now);
      let left = Math.min(bytesMax, rate.budgetBytes(now));
      while (left > 0) {
        if (run === undefined) {
          run = nextRun();
          runAt = 0;
        }
        if (run === undefined) break;
        const { block, sequences, pass, isRepair } = run;
        const sequence = sequences[runAt] as number;
        const bytes = layout.payloadBytes(block, sequence) + frameHeaderBytes;
        if (bytes > left) break;
        left -= bytes;
        rate.spend(bytes);
        number += 1;
        runAt += 1;
        if (isRepair) repairFrames += 1;
        repairs.sent(block, sequence, number);
        const isLast = runAt === sequences.length;
        frames.push({ block, sequence, pass, number, isLast });
        if (isLast) run = undefined;
      }
      if (frames.length > 0) {
        sendings.add(now, number);
        sentAt = now;
        progressAt = now;
      }
      advance(now);
      return frames;
    },

    wantsToSend: hasFrames,
    pollEffect: () => effects.shift(),
    nextTimeout: () => (attendance.isEnded() ? undefined : dueAt()),

    status: () => ({
      blocks: layout.blocks,
      sent: fresh.sent(),
      frames: number,
      repairFrames,
      bytesPerSecond: rate.bytesPerSecond(),
      loss: meter.median(),
      round: rounds.round(),
      receivers: table.all().map(({ node, state }) => ({ node, state, loss: meter.of(node) })),
    }),
  };
}
