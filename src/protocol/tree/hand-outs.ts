// The list of leaders of one distribution: who waits, with which hand-out each is, who brings it and until when a word of it is waited for. Whom an input
// concerns, and what follows from it, is not its matter.

import type { TreePart } from '../../model/tree-messages.ts';
import type { Instant } from '../machine.ts';
import { type Candidates, createCandidates } from './candidates.ts';
import { createDueTimes, type DueTimes } from './due-times.ts';
import { createLeaderRow, type Feeder, type LeaderRow, leaderInTree, sourcesOf } from './leader-row.ts';
import type { TreeShape } from './shape-tree.ts';
import type { DistributionEffect, PlannedHandOut, TreeLeader } from './tree-machines.ts';
import { createTreePlaces, type TreePlaces } from './tree-places.ts';
import { treeTiming } from './tree-timing.ts';

type Part = TreePart['part'];

const { signMs, repeatMaxMs } = treeTiming;

export interface HandOuts {
  readonly places: TreePlaces;
  readonly byNode: ReadonlyMap<string, LeaderRow>;
  readonly bySegment: ReadonlyMap<string, LeaderRow>;
  /** Sums over all leaders. */
  readonly sums: Readonly<LeaderRow['counted']>;
  /** Those who will pass it on, by the part that they pass on. */
  readonly waiting: readonly Candidates<LeaderRow>[];
  /** Those who only fetch. */
  readonly leaves: Candidates<LeaderRow>;
  /** The CCM finds sources for them, and tells them over their links. */
  readonly needy: Candidates<LeaderRow>;
  readonly signs: DueTimes<LeaderRow>;
  /** When the newest was made. */
  readonly madeAt: Instant;
  add(leader: TreeLeader, colour: Part, kept: number): LeaderRow;
  enqueue(row: LeaderRow): void;
  drop(row: LeaderRow): void;
  recount(row: LeaderRow): void;
  byLink(row: LeaderRow): void;
  needAll(row: LeaderRow): void;
  /** It gives nothing more: who fetches from it needs another source. */
  abandon(row: LeaderRow): void;
  isNeedy(row: LeaderRow): boolean;
  /** Sources for all parts, `part` from this one; or nothing. */
  assign(row: LeaderRow, part: Part, feeder: Feeder): boolean;
  /** A new one, with the sources that it has now; `bringer` null: over its own link. */
  make(now: Instant, row: LeaderRow, bringer: LeaderRow | null): void;
  planned(row: LeaderRow): PlannedHandOut;
  /** TREE-62: the same once more, over its own link. */
  repeat(now: Instant, row: LeaderRow): void;
  /** A word of it: it knows of its newest. */
  sign(row: LeaderRow): void;
  tell(row: LeaderRow): void;
}

export function createHandOuts(
  shape: TreeShape,
  firstNumber: number,
  effects: DistributionEffect[],
): HandOuts {
  const { isLeaf } = shape;
  const { parts } = shape.plan();
  const allParts: readonly Part[] = parts === 1 ? [0] : [0, 1];
  const sums = { here: 0, heldHere: 0, waiting: 0, places: 0, ready: 0 };
  const isLast = (row: LeaderRow): boolean => sums.waiting === row.counted.waiting;
  const places = createTreePlaces(shape, isLast, recount);
  const byNode = new Map<string, LeaderRow>();
  const bySegment = new Map<string, LeaderRow>();
  const isWaiting = (row: LeaderRow): boolean => row.stage === 'waiting' && row.isHere && !row.isOut;
  const waits = (row: LeaderRow): boolean => isWaiting(row) && !row.isByLink && !row.isUnheard;
  const isNeedy = (row: LeaderRow): boolean =>
    row.isHere && !row.isOut && (row.needs.size > 0 || (isWaiting(row) && row.isByLink));
  const waiting = [0, 1].map(() => createCandidates(waits));
  const leaves = createCandidates(waits);
  const needy = createCandidates<LeaderRow>((row) => isNeedy(row) && !row.isResting);
  const signs = createDueTimes<LeaderRow>();
  let madeAt: Instant = 0;

  function add(leader: TreeLeader, colour: Part, kept: number): LeaderRow {
    const row = createLeaderRow(leader, isLeaf(leader), colour);
    row.kept = kept;
    byNode.set(leader.node, row);
    bySegment.set(leader.segment, row);
    enqueue(row);
    places.offer(row);
    recount(row);
    shape.grow(byNode.size);
    return row;
  }

  function enqueue(row: LeaderRow): void {
    if (row.isLeaf) leaves.add(row);
    else waiting[row.colour]?.add(row);
  }

  /** Sums over all leaders, kept by what changes of one. */
  function recount(row: LeaderRow): void {
    const isIn = row.isHere && !row.isOut;
    const isToServe = places.canServe(row) && !row.isFull && row.stage !== 'held';
    const kept = isToServe ? Math.max(0, Math.min(row.kept, places.free(row))) : 0;
    const now = {
      here: isIn ? 1 : 0,
      heldHere: isIn && row.stage === 'held' ? 1 : 0,
      waiting: waits(row) && !row.isLeaf ? 1 : 0,
      places: kept,
      // Of those who were handed out to.
      ready: row.stage === 'waiting' ? 0 : kept,
    };
    for (const key of ['here', 'heldHere', 'waiting', 'places', 'ready'] as const) {
      sums[key] += now[key] - row.counted[key];
      row.counted[key] = now[key];
    }
  }

  function assign(row: LeaderRow, part: Part, feeder: Feeder): boolean {
    if (feeder !== 'ccm' && !places.isFree(row, part, feeder)) return false;
    const found = allParts.map((each) => (each === part ? feeder : places.source(row, each)));
    if (found.includes(undefined)) return false;
    for (const each of allParts) places.feed(row, each, found[each]);
    places.count(row);
    return true;
  }

  function make(now: Instant, row: LeaderRow, bringer: LeaderRow | null): void {
    row.number = Math.max(firstNumber, row.number + 1);
    row.handedOutAt ??= now;
    if (row.stage === 'waiting') row.stage = 'given';
    row.isByLink = false;
    row.isTakenOver = false;
    row.lastSources = sourcesOf(row, parts);
    isBroughtBy(row, bringer);
    row.signTries = 0;
    waitForSign(now, row);
    madeAt = now;
    recount(row);
    tell(row);
    if (bringer === null) effects.push({ effect: 'handOut', handOut: planned(row) });
  }

  function planned(row: LeaderRow): PlannedHandOut {
    const { node, segment } = row.leader;
    return { node, segment, number: row.number, sources: sourcesOf(row, parts) };
  }

  function isBroughtBy(row: LeaderRow, bringer: LeaderRow | null): void {
    row.bringer?.brings.delete(row);
    row.bringer = bringer;
    bringer?.brings.add(row);
  }

  function waitForSign(now: Instant, row: LeaderRow): void {
    row.signAt = now + Math.min(repeatMaxMs, signMs * 2 ** row.signTries);
    row.signTries += 1;
    signs.add(row.signAt, row);
  }

  function repeat(now: Instant, row: LeaderRow): void {
    isBroughtBy(row, null);
    if (!row.isHere || row.isOut || row.needs.size > 0) return;
    if (sourcesOf(row, parts).length < parts) {
      needAll(row);
      return;
    }
    waitForSign(now, row);
    effects.push({ effect: 'handOut', handOut: planned(row) });
  }

  function tell(row: LeaderRow): void {
    effects.push({ effect: 'deliver', fact: { fact: 'state', leader: leaderInTree(row) } });
  }

  function sign(row: LeaderRow): void {
    row.signAt = null;
    row.signTries = 0;
    isBroughtBy(row, null);
  }

  function abandon(row: LeaderRow): void {
    for (const child of row.feeds) {
      if (child.stage !== 'given' && child.stage !== 'fetching') continue;
      child.trouble = 'lost';
      for (const part of allParts) if (child.feeders[part] === row) child.needs.add(part);
      needy.add(child);
    }
  }

  function drop(row: LeaderRow): void {
    row.isOut = true;
    row.isHere = false;
    sign(row);
    places.finish(row);
    abandon(row);
    byNode.delete(row.leader.node);
    if (bySegment.get(row.leader.segment) === row) bySegment.delete(row.leader.segment);
    recount(row);
  }

  function byLink(row: LeaderRow): void {
    row.isByLink = true;
    recount(row);
    needy.add(row);
  }

  function needAll(row: LeaderRow): void {
    for (const part of allParts) row.needs.add(part);
    row.trouble = 'lost';
    needy.add(row);
  }

  return {
    ...{ places, byNode, bySegment, sums, waiting, leaves, needy, signs },
    get madeAt() {
      return madeAt;
    },
    ...{
      add,
      enqueue,
      drop,
      recount,
      byLink,
      needAll,
      abandon,
      isNeedy,
      assign,
      make,
      planned,
      repeat,
      sign,
      tell,
    },
  };
}
