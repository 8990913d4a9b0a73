// What becomes of a receiver's status: frames to be repaired, whole blocks to be sent again or fetched by unicast, lists of digests, or the end of its part.

import type { Instant } from '../machine.ts';
import type { Attendance } from './attendance.ts';
import { countBlocks, eachBlock, hasBlock, normalRanges, rangesWhere } from './block-ranges.ts';
import type { LossMeter } from './loss-meter.ts';
import type { MctpSenderFact } from './mctp-machines.ts';
import { decodeFrameSet, type MctpStatus } from './mctp-messages.ts';
import type { MctpRules } from './mctp-rules.ts';
import type { MctpLayout } from './mctp-session.ts';
import type { MctpTiming } from './mctp-timing.ts';
import type { ReceiverEntry, ReceiverTable } from './receiver-table.ts';
import type { Repairs } from './repairs.ts';

export interface Demands {
  /** `asOf`: the last frame that it knows of. */
  take(now: Instant, entry: ReceiverEntry, status: MctpStatus, asOf: number): void;
  /** Blocks of which somebody has nothing, when all else has been sent (MCTP-28). */
  sendAbsent(): void;
}

export interface DemandsOptions {
  readonly layout: MctpLayout;
  readonly table: ReceiverTable;
  readonly meter: LossMeter;
  readonly repairs: Repairs;
  readonly attendance: Attendance;
  readonly rules: MctpRules;
  readonly timing: MctpTiming;
  /** Whose frames are going out: what is missing of it is not known yet. */
  readonly runBlock: () => number | undefined;
  readonly tell: (fact: MctpSenderFact) => void;
}

/** Of blocks that one alone lacks: they fit in a datagram. What is more goes out by multicast. */
const aloneRangesMax = 128;

export function createDemands(options: DemandsOptions): Demands {
  const { layout, table, meter, repairs, attendance, rules, timing, runBlock, tell } = options;
  const digestsAt = new Map<number, Instant>();

  /** MCTP-15: blocks that it missed as a whole, if they are few, and whatever it lacks of the manifest. */
  function absentNow(entry: ReceiverEntry, asOf: number): void {
    const missed: number[] = [];
    for (const { from, to } of entry.absent)
      for (let block = from; block < to && missed.length <= timing.burstBlocksMax; block += 1) {
        const last = repairs.lastNumber(block);
        if (last === 0 || rules.isInFlight(last, asOf) || block === runBlock()) continue;
        if (block < layout.manifestBlocks) repairs.sendWhole(block);
        else if (last > entry.joinedNumber && !hasBlock(entry.fetching, block)) missed.push(block);
      }
    if (missed.length > timing.burstBlocksMax) return;
    for (const block of missed) repairs.sendWhole(block);
  }

  /** MCTP-30 */
  function forged(now: Instant, entry: ReceiverEntry, block: number): void {
    if (block >= layout.blocks || !repairs.isSent(block)) return;
    if (!repairs.isDataOnly(block)) {
      entry.forged += 1;
      if (entry.forged > timing.forgedMax) {
        attendance.handOver(now, entry, 'forging');
        return;
      }
    }
    const at = digestsAt.get(block);
    if (at !== undefined && now - at < timing.digestsMs) return;
    repairs.useDataOnly(block);
    digestsAt.set(block, now);
    if (rules.sendsDigests(block)) tell({ fact: 'digests', block });
  }

  return {
    take(now, entry, status, asOf) {
      // MCTP-26: for a while, since others may only say later that they miss as much.
      const isLossy = rules.isLossy(meter.of(entry.node), meter.median());
      entry.lossySince = isLossy ? (entry.lossySince ?? now) : undefined;
      if (entry.lossySince !== undefined && now >= entry.lossySince + timing.lossyMs) {
        attendance.handOver(now, entry, 'lossy');
        return;
      }
      for (const block of status.forged) {
        forged(now, entry, block);
        if (entry.state !== 'receiving') return;
      }
      for (const { block, lacks, frames } of status.missing) {
        if (block >= layout.blocks || block === runBlock() || lacks <= 0) continue;
        const named = frames === null ? null : decodeFrameSet(frames, layout.frames(block));
        if (named === undefined) continue;
        if (!repairs.ask(block, lacks, named, asOf))
          attendance.handBlocks(entry, [{ from: block, to: block + 1 }]);
      }
      entry.absent = normalRanges(status.absent, layout.blocks);
      absentNow(entry, asOf);
    },

    sendAbsent() {
      const lacking = new Uint32Array(layout.blocks);
      const count =
        (by: number) =>
        (block: number): void => {
          lacking[block] = (lacking[block] as number) + by;
        };
      const open = table.open().filter(({ state }) => state === 'receiving');
      for (const { absent } of open) eachBlock(absent, count(1));
      for (const entry of open) {
        if (entry.absent.length === 0) continue;
        const isFew = countBlocks(entry.absent) <= timing.burstBlocksMax;
        const alone = rangesWhere(
          layout.blocks,
          (block) =>
            repairs.isSent(block) &&
            hasBlock(entry.absent, block) &&
            (hasBlock(entry.fetching, block) || (!isFew && rules.isAlone(lacking[block] as number))),
        ).slice(0, aloneRangesMax);
        if (alone.length > 0) {
          attendance.handBlocks(entry, alone);
          eachBlock(alone, count(-1));
        }
        entry.absent = [];
      }
      for (let block = 0; block < layout.blocks; block += 1)
        if ((lacking[block] as number) > 0 && repairs.isSent(block)) repairs.sendWhole(block);
    },
  };
}
