// Who takes part in a session, and whose part is over how: complete, failed, or handed to unicast. Tells it to whoever runs the sender, and the
// receivers what concerns them; the session is over with the last one's part (MCTP-32).

import type { Instant } from '../machine.ts';
import { hasBlock, normalRanges } from './block-ranges.ts';
import type { FreshBlocks } from './fresh-blocks.ts';
import type { LossMeter } from './loss-meter.ts';
import type { MctpSenderFact, UnicastReason } from './mctp-machines.ts';
import type { BlockRange, MctpSenderMessage } from './mctp-messages.ts';
import type { MctpRules } from './mctp-rules.ts';
import type { ReceiverEntry, ReceiverTable } from './receiver-table.ts';

export interface Attendance {
  /** It hears the frames from now on, and lacks these blocks. */
  join(now: Instant, entry: ReceiverEntry, lacks: readonly BlockRange[]): void;
  complete(entry: ReceiverEntry): void;
  failed(entry: ReceiverEntry, reason: string): void;
  /** It takes part no more: what it lacks comes by unicast. */
  handOver(now: Instant, entry: ReceiverEntry, why: UnicastReason): void;
  /** It asks for what it was told to fetch. */
  remind(now: Instant, entry: ReceiverEntry): void;
  /** These come to it by unicast, the rest as before. */
  handBlocks(entry: ReceiverEntry, blocks: readonly BlockRange[]): void;
  /** Whoever still takes part is handed over, and the session is over. */
  stop(now: Instant, why: UnicastReason): void;
  isQuorum(): boolean;
  isEnded(): boolean;
}

export interface AttendanceOptions {
  readonly session: number;
  readonly blocks: number;
  readonly quorum: number;
  readonly table: ReceiverTable;
  readonly meter: LossMeter;
  readonly fresh: FreshBlocks;
  readonly rules: MctpRules;
  /** The number of the last frame. */
  readonly number: () => number;
  readonly tell: (fact: MctpSenderFact) => void;
  readonly sendTo: (node: string, message: MctpSenderMessage) => void;
}

/** One that was told to fetch is told again, so seldom, while it asks. */
const remindMs = 100;

export function createAttendance(options: AttendanceOptions): Attendance {
  const { session, blocks, quorum, table, meter, fresh, rules, tell, sendTo } = options;
  const receivers = table.all().length;
  const everything: readonly BlockRange[] = [{ from: 0, to: blocks }];
  let isQuorum = false;
  let isEnded = false;

  /** What each of those that are served lacks, for what is still to be sent first. */
  function reckonNeeds(): void {
    const lacks: (readonly BlockRange[])[] = [];
    for (const { state, lacked } of table.all()) {
      if (state === 'receiving') lacks.push(lacked);
      else if (state === 'invited') lacks.push(everything);
    }
    fresh.needed(lacks);
  }

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    for (const { node, state } of table.all())
      if (state === 'complete' || state === 'failed') sendTo(node, { type: 'end', session });
    tell({ fact: 'ended', ...table.outcome() });
  }

  /** Its part is over, one way or the other. */
  function leave(entry: ReceiverEntry): void {
    meter.leave(entry.node);
    reckonNeeds();
    const complete = table.count('complete');
    if (!isQuorum && rules.isQuorum(complete, receivers, quorum)) {
      isQuorum = true;
      tell({ fact: 'quorum', complete });
    }
    if (table.open().length === 0) end();
  }

  function complete(entry: ReceiverEntry): void {
    if (entry.state === 'complete') return;
    entry.state = 'complete';
    tell({ fact: 'complete', node: entry.node });
    leave(entry);
  }

  function handOver(now: Instant, entry: ReceiverEntry, why: UnicastReason): void {
    entry.state = why === 'absent' ? 'absent' : 'unicast';
    entry.toldAt = now;
    sendTo(entry.node, { type: 'fetch', session, blocks: null });
    tell({ fact: 'unicast', node: entry.node, blocks: null, why });
    leave(entry);
  }

  reckonNeeds();
  if (receivers === 0) end();

  return {
    join(now, entry, lacks) {
      if (entry.state === 'failed' || entry.state === 'unicast') return;
      entry.lacked = lacks;
      entry.joinedNumber = options.number();
      entry.heardAt = now;
      entry.best = Number.POSITIVE_INFINITY;
      entry.stale = 0;
      entry.absent = [];
      entry.fetching = [];
      if (lacks.length === 0) {
        complete(entry);
        return;
      }
      entry.state = 'receiving';
      meter.join(entry.node, entry.joinedNumber);
      reckonNeeds();
    },
    complete,
    failed(entry, reason) {
      entry.state = 'failed';
      entry.reason = reason;
      tell({ fact: 'failed', node: entry.node, reason });
      leave(entry);
    },
    handOver,
    remind(now, entry) {
      if (now < entry.toldAt + remindMs) return;
      entry.toldAt = now;
      sendTo(entry.node, { type: 'fetch', session, blocks: null });
    },
    handBlocks(entry, ranges) {
      sendTo(entry.node, { type: 'fetch', session, blocks: ranges });
      const isKnown = ranges.every(({ from, to }) => {
        for (let block = from; block < to; block += 1) if (!hasBlock(entry.fetching, block)) return false;
        return true;
      });
      if (isKnown) return;
      entry.fetching = normalRanges([...entry.fetching, ...ranges], blocks);
      tell({ fact: 'unicast', node: entry.node, blocks: ranges, why: 'alone' });
    },
    stop(now, why) {
      for (const entry of table.open()) handOver(now, entry, why);
      end();
    },
    isQuorum: () => isQuorum,
    isEnded: () => isEnded,
  };
}
