// Other sources for those who lost one, and another way to those whom nobody notifies: who is avoided, who gets what instead, a bounded number at a time.

import type { SourceTrouble, TreePart } from '../../model/tree-messages.ts';
import type { Instant } from '../machine.ts';
import { candidatesMax } from './candidates.ts';
import { createDueTimes } from './due-times.ts';
import type { HandOuts } from './hand-outs.ts';
import type { Feeder, LeaderRow } from './leader-row.ts';
import type { DistributionEffect } from './tree-machines.ts';
import { treeTiming } from './tree-timing.ts';

export interface TreeRepairs {
  /** `by` could not notify it. */
  notReached(row: LeaderRow, by: LeaderRow): void;
  /** It has trouble with this source of these parts. */
  lose(row: LeaderRow, lost: readonly number[], source: Feeder | undefined, trouble: SourceTrouble): void;
  /** A new one may have something to say before it is handed out to (TREE-64). */
  hearFirst(now: Instant, row: LeaderRow): void;
  /** What is due. */
  run(now: Instant): void;
  nextTimeout(): Instant | undefined;
}

const accusersToAvoid = 2;
/** More than so many troubles of others are rather its own. */
const accusedMax = 8;
const unreachedToBeLeaf = 2;
const { stallMs, restMs } = treeTiming;

export function createTreeRepairs(
  startedAt: Instant,
  parts: TreePart['parts'],
  list: HandOuts,
  effects: DistributionEffect[],
): TreeRepairs {
  const { places, sums, needy, isNeedy, byLink } = list;
  const rests = createDueTimes<LeaderRow>();
  let stalledAt = startedAt;
  const stallAt = (): Instant => Math.max(stalledAt, list.madeAt) + stallMs;

  function notReached(row: LeaderRow, by: LeaderRow): void {
    row.unreachedBy.add(by.leader.node);
    if (row.unreachedBy.size >= unreachedToBeLeaf) row.isLeaf = true;
    list.recount(row);
  }

  /** TREE-28 */
  function accuse(by: LeaderRow, source: Feeder | undefined, trouble: SourceTrouble): void {
    if (source === undefined || source === 'ccm' || trouble === 'slow' || trouble === 'none') return;
    by.avoids.add(source);
    if (by.accused.size >= accusedMax && !by.accused.has(source)) return;
    by.accused.add(source);
    if (trouble === 'unreachable') {
      notReached(source, by);
      source.isSuspect = true;
      places.release(source);
    } else if (trouble === 'corrupt' || (trouble === 'lacks' && source.stage === 'held')) {
      source.accusers.add(by.leader.node);
      if (source.accusers.size >= accusersToAvoid && !source.isAvoided) {
        source.isAvoided = true;
        effects.push({ effect: 'deliver', fact: { fact: 'avoided', node: source.leader.node, trouble } });
        list.abandon(source);
      }
    }
    list.recount(source);
  }

  function lose(
    row: LeaderRow,
    lost: readonly number[],
    source: Feeder | undefined,
    trouble: SourceTrouble,
  ): void {
    accuse(row, source, trouble);
    if (row.isTakenOver) {
      list.needAll(row);
      return;
    }
    const kind = kindOf(row, source, trouble);
    if (row.needs.size === 0 || kind === 'lost') row.trouble = kind;
    for (const part of lost) row.needs.add(part);
    needy.add(row);
  }

  function kindOf(row: LeaderRow, source: Feeder | undefined, trouble: SourceTrouble): LeaderRow['trouble'] {
    if (source === undefined || source === 'ccm') return trouble === 'slow' ? 'slow' : 'lost';
    const isStarving = trouble === 'lacks' && source.stage !== 'held';
    if (trouble !== 'slow' && !isStarving) return 'lost';
    const isAgain = row.doubts.has(source);
    row.doubts.add(source);
    if (isAgain) row.avoids.add(source);
    if (isAgain) return 'lost';
    return isStarving ? 'starving' : 'slow';
  }

  function rest(now: Instant, row: LeaderRow): void {
    row.isResting = true;
    rests.add(now + restMs, row);
  }

  function wake(row: LeaderRow): void {
    row.isResting = false;
    row.isUnheard = false;
    // The second time what failed it may fail it no more.
    row.avoids.clear();
    places.offer(row);
    if (row.stage === 'waiting' && !row.isByLink) {
      if (sums.waiting > 0) list.enqueue(row);
      else byLink(row);
    }
    list.recount(row);
    needy.add(row);
  }

  /** Sources for those who need some, a bounded number at a time. */
  function serveNeedy(now: Instant): void {
    for (let count = 0; count < candidatesMax; count += 1) {
      const row = rests.take(now);
      if (row === undefined) break;
      wake(row);
    }
    for (const row of [...needy.first()]) {
      if (row.stage === 'waiting') {
        const source = places.source(row, row.colour);
        if (source !== undefined && list.assign(row, row.colour, source)) list.make(now, row, null);
      } else mend(now, row);
      if (!isNeedy(row)) continue;
      row.hasRested = true;
      rest(now, row);
    }
  }

  function mend(now: Instant, row: LeaderRow): void {
    let isNew = false;
    for (const part of [...row.needs]) {
      const besides = row.hasRested ? undefined : row.feeders[part];
      const source = places.source(row, part, { besides, isBetter: row.trouble !== 'lost' });
      if (source !== undefined) {
        places.feed(row, part, source);
        isNew = true;
      } else if (row.trouble === 'lost') continue;
      // TREE-42: a slow source is better than none.
      row.needs.delete(part);
    }
    if (row.needs.size > 0) return;
    row.hasRested = false;
    row.trouble = 'lost';
    places.count(row);
    if (isNew) list.make(now, row, null);
  }

  /** TREE-26: whoever waits although nobody asks, or comes late, hears it from the CCM. */
  function serveLate(now: Instant): void {
    if (sums.waiting > 0 && now >= stallAt()) {
      stalledAt = now;
      for (const queue of list.waiting) for (const row of [...queue.first()]) byLink(row);
    }
    if (sums.waiting > 0) return;
    for (const row of [...list.leaves.first()])
      if (row.leader.place === null || parts === 2 || sums.places === 0) byLink(row);
  }

  return {
    notReached,
    lose,
    hearFirst: rest,

    run(now) {
      serveLate(now);
      serveNeedy(now);
    },

    nextTimeout() {
      const times = [
        sums.waiting > 0 ? stallAt() : undefined,
        // More of them than one run serves.
        needy.first().length > 0 ? list.madeAt : undefined,
        rests.next(),
      ].filter((at) => at !== undefined);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
