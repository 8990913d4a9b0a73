// The CCM's part in one assignment's way down the tree: hands out the list of leaders on demand, keeps who holds what and who feeds whom, and finds
// other sources. What is asked costs the same for ten leaders as for 10,000. Signing, tickets and measuring are its driver's.

import type { TreePart } from '../../model/tree-messages.ts';
import type { Instant } from '../machine.ts';
import { candidatesMax } from './candidates.ts';
import { createHandOuts } from './hand-outs.ts';
import { type Feeder, type LeaderRow, leaderInTree } from './leader-row.ts';
import { nearest } from './nearest.ts';
import { allKept, shapeTree } from './shape-tree.ts';
import type {
  Distribution,
  DistributionEffect,
  DistributionInput,
  DistributionOptions,
  TreeLeader,
} from './tree-machines.ts';
import { createTreeRepairs } from './tree-repairs.ts';

/** Above all numbers that a CCM gives, and low enough for whatever it gives next. */
const numbersEnd = 2 ** 52;

type Part = TreePart['part'];
type Input<Name> = Extract<DistributionInput, { readonly input: Name }>;

/** More than these make a leader notify further down. */
const manyWait = 64;

export function createDistribution(startedAt: Instant, options: DistributionOptions): Distribution {
  const { firstNumber } = options;
  // Known are the bytes alone: where sealed and plain blocks meet there may be one more.
  const blocks = { least: options.blocks, most: options.blocks + 1 };
  const shape = shapeTree(options);
  const plan = shape.plan();
  const { parts } = plan;
  const allParts: readonly Part[] = parts === 1 ? [0] : [0, 1];
  const effects: DistributionEffect[] = [];
  const list = createHandOuts(shape, firstNumber, effects);
  const { places, byNode, bySegment, sums, sign, tell, recount, needAll } = list;
  const repairs = createTreeRepairs(startedAt, parts, list, effects);
  let isComplete = false;

  for (const [index, leader] of options.leaders.entries())
    list.add(leader, shape.roles[index]?.colour ?? 0, shape.roles[index]?.kept ?? allKept);
  begin(startedAt);

  /** TREE-22: the first ones have it from the CCM. */
  function begin(now: Instant): void {
    for (const part of allParts)
      for (let count = 0; count < plan.ccmFanOut; count += 1) {
        const row = list.waiting[part]?.first()[0] ?? list.leaves.first()[0];
        if (row === undefined || !list.assign(row, part, 'ccm')) break;
        list.make(now, row, null);
      }
  }

  function refuse(node: string, why: string): void {
    effects.push({ effect: 'deliver', fact: { fact: 'refused', node, why } });
  }

  function lives(row: LeaderRow): void {
    if (!row.isSuspect) return;
    row.isSuspect = false;
    if (row.stage === 'given' || row.stage === 'fetching') places.count(row);
    places.offer(row);
  }

  /** The row of whoever speaks; undefined: it may not say this. */
  function speaker(now: Instant, node: string, number: number, heldBlocks: number): LeaderRow | undefined {
    const row = byNode.get(node);
    const isForeign = row !== undefined && number > row.number && (row.isNumberKnown || number >= numbersEnd);
    if (row === undefined) refuse(node, 'it has no part in this');
    else if (isForeign) refuse(node, 'it names a hand-out that it never had');
    else if (heldBlocks > blocks.most) refuse(node, 'it says that it holds more than there is');
    else {
      row.isUnheard = false;
      lives(row);
      if (number === row.number && number > 0) row.isNumberKnown = true;
      // TREE-95: the CCM's clock was set back since; what comes next has a higher number than what this one follows.
      if (number > row.number && row.number > 0) {
        row.number = number;
        row.isNumberKnown = true;
        if (row.stage === 'given' || row.stage === 'fetching') list.make(now, row, null);
      }
      return row;
    }
    return undefined;
  }

  function onLeader(now: Instant, leader: TreeLeader): void {
    const former = bySegment.get(leader.segment);
    if (former !== undefined && former.leader.node !== leader.node) list.drop(former);
    const known = byNode.get(leader.node);
    if (known !== undefined && known.leader.segment !== leader.segment) list.drop(known);
    let row = byNode.get(leader.node);
    const wasHere = row?.isHere ?? false;
    if (row === undefined) {
      row = list.add(leader, parts === 2 && byNode.size % 2 === 1 ? 1 : 0, allKept);
      row.isUnheard = true;
    }
    const { place } = row.leader;
    if (!wasHere || place?.address !== leader.place?.address || place?.port !== leader.place?.port)
      row.unreachedBy.clear();
    row.leader = leader;
    row.isHere = true;
    row.isLeaf = shape.isLeaf(leader) || (row.isLeaf && row.unreachedBy.size > 0);
    lives(row);
    places.offer(row);
    recount(row);
    if (wasHere) return;
    isComplete = false;
    tell(row);
    if (row.isUnheard) repairs.hearFirst(now, row);
    else if (list.isNeedy(row)) list.needy.add(row);
    else if (row.stage === 'waiting' && sums.waiting > 1) list.enqueue(row);
    else if (row.stage === 'waiting') list.byLink(row);
    else if (row.signAt !== null) list.repeat(now, row);
  }

  function onGone(segment: string, node: string): void {
    const row = byNode.get(node);
    if (row === undefined || row.leader.segment !== segment || !row.isHere) return;
    row.isHere = false;
    recount(row);
    tell(row);
  }

  function onState(now: Instant, { node, state, number, heldBlocks }: Input<'state'>): void {
    const row = speaker(now, node, number, heldBlocks);
    if (row === undefined) return;
    if (state === 'held' && heldBlocks < blocks.least) {
      refuse(node, 'what it says that it holds is not all');
      return;
    }
    const was = row.stage;
    if (number === row.number && number > 0) sign(row);
    row.heldBlocks = heldBlocks;
    if (state === 'held' || state === 'failed') {
      if (was === state) return;
      row.stage = state;
      if (state === 'held') row.heldAt = now;
      row.kept = 0;
      row.isFull = false;
      row.needs.clear();
      sign(row);
      places.finish(row);
      if (state === 'failed') list.abandon(row);
    } else if (was === 'held' || was === 'failed') {
      // What it held is gone, or it tries again.
      row.stage = 'fetching';
      row.heldAt = null;
      needAll(row);
    } else if (state === 'waiting') {
      if (was !== 'fetching') return;
      row.stage = 'given';
      list.repeat(now, row);
    } else if (was === 'waiting') {
      if (number === 0) return;
      takeOver(row, number);
    } else row.stage = 'fetching';
    places.offer(row);
    recount(row);
    tell(row);
  }

  /** TREE-64: it fetches by a hand-out of an earlier run of the CCM, nobody knows from whom. */
  function takeOver(row: LeaderRow, number: number): void {
    row.number = number;
    row.isNumberKnown = true;
    row.isTakenOver = true;
    row.isFull = true;
    row.isByLink = false;
    row.stage = 'fetching';
  }

  function onNext(now: Instant, { node, heldBlocks, room, unreached }: Input<'next'>): void {
    const row = speaker(now, node, 0, heldBlocks);
    const isEntitled = row !== undefined && row.stage !== 'waiting' && row.stage !== 'failed';
    // What only removes files has no block: its manifest is all.
    if (!isEntitled || heldBlocks < Math.min(1, blocks.least)) {
      if (row !== undefined) refuse(node, 'it asks for the next and has nothing to serve');
      effects.push({ effect: 'answer', node, next: [], more: 'none' });
      return;
    }
    row.heldBlocks = Math.max(row.heldBlocks, heldBlocks);
    if (row.stage === 'given') {
      sign(row);
      row.stage = 'fetching';
      tell(row);
    }
    for (const name of unreached.slice(0, candidatesMax)) {
      const child = byNode.get(name.node);
      if (child === undefined || !row.brings.has(child)) continue;
      repairs.notReached(child, row);
      list.repeat(now, child);
    }
    answer(now, row, Math.min(candidatesMax, Math.max(0, Math.floor(room))));
  }

  function answer(now: Instant, row: LeaderRow, room: number): void {
    // TREE-61: whom it was told of before, and who gave no sign yet: the answer may be lost.
    const next = [...row.brings].slice(0, room).map(list.planned);
    const found: LeaderRow[] = [];
    // What is not kept for those whom it notifies is for others, as long as what is kept is enough for all who wait;
    // who holds all feeds whoever waits, now.
    const isEnough = row.stage !== 'held' && sums.ready > 0 && sums.waiting <= sums.places;
    const bears = isEnough ? Math.min(places.free(row), row.kept) : places.free(row);
    const bearable = places.canServe(row) && !row.isFull ? Math.min(room - next.length, bears) : 0;
    feed(now, row, row, bearable, found);
    if (sums.waiting === 0 || found.length < bearable) row.kept = 0;
    // While many wait, it notifies those as well whom these will feed.
    for (const parent of found) {
      const most = Math.min(room - next.length - found.length, places.free(parent), parent.kept);
      if (most <= 0 || sums.waiting <= manyWait) break;
      feed(now, parent, row, most, found);
    }
    next.push(...found.map(list.planned));
    recount(row);
    places.offer(row);
    // TREE-23: the places of those who have yet to ask are enough for those who wait, or they are not.
    const more = sums.waiting > sums.places ? 'later' : 'none';
    effects.push({ effect: 'answer', node: row.leader.node, next, more });
  }

  /** So many more at most, whom `bringer` notifies. */
  function feed(now: Instant, row: LeaderRow, bringer: LeaderRow, most: number, found: LeaderRow[]): void {
    for (let count = 0; count < most; count += 1) {
      const child = chooseNext(row);
      if (child === undefined) break;
      list.make(now, child, bringer);
      row.kept = Math.max(0, row.kept - 1);
      found.push(child);
    }
    recount(row);
  }

  /** TREE-24: one that waits; it has its sources then. */
  function chooseNext(row: LeaderRow): LeaderRow | undefined {
    const part = row.colour;
    for (const queue of [list.waiting[part], list.leaves]) {
      const first = (queue?.first() ?? []).filter((each) => each !== row && each.leader.place !== null);
      // Those who will notify others come before those who will not, however near.
      for (const some of [first.filter(({ kept }) => kept > 0), first.filter(({ kept }) => kept === 0)]) {
        let left = some;
        for (;;) {
          const child = nearest(row.leader.coordinates, left, ({ leader }) => leader.coordinates);
          if (child === undefined) break;
          if (list.assign(child, part, row)) return child;
          left = left.filter((each) => each !== child);
        }
      }
    }
    return undefined;
  }

  function onLost(now: Instant, input: Input<'sourceLost'>): void {
    const row = speaker(now, input.node, input.number, input.heldBlocks);
    if (row === undefined || row.stage === 'failed') return;
    // Late; or it holds all no more and the word of that was lost, or it never did.
    const hadAll = row.stage === 'held';
    const isLate = input.number < row.number && input.trouble !== 'none';
    if (hadAll && (isLate || input.heldBlocks >= blocks.least)) return;
    row.heldBlocks = input.heldBlocks;
    if (row.stage === 'waiting' && input.number === 0) {
      list.byLink(row);
      return;
    }
    if (row.stage === 'waiting') takeOver(row, input.number);
    row.stage = 'fetching';
    if (input.number === row.number) sign(row);
    const lost = allParts.filter((part) => nodeOf(row.feeders[part]) === input.source);
    const source = row.feeders[lost[0] ?? 0] ?? (input.source === null ? 'ccm' : byNode.get(input.source));
    if (hadAll) {
      const isNamed = row.lastSources.some((each) => each.node === input.source);
      if (isNamed) repairs.lose(row, [], source, input.trouble);
      needAll(row);
    } else if (input.trouble === 'none' || (input.number < row.number && lost.length === 0))
      list.repeat(now, row);
    else if (lost.length === 0 && !row.isTakenOver)
      refuse(input.node, 'it names a source that it does not have');
    else repairs.lose(row, lost, source, input.trouble);
    recount(row);
  }

  function settle(now: Instant): void {
    repairs.run(now);
    const wasComplete = isComplete;
    isComplete = sums.here > 0 && sums.heldHere === sums.here;
    if (isComplete && !wasComplete) effects.push({ effect: 'deliver', fact: { fact: 'complete' } });
  }

  return {
    handle(now, input) {
      if (input.input === 'leader') onLeader(now, input.leader);
      else if (input.input === 'leaderGone') onGone(input.segment, input.node);
      else if (input.input === 'segmentLeft') {
        const row = bySegment.get(input.segment);
        if (row !== undefined) list.drop(row);
      } else if (input.input === 'state') onState(now, input);
      else if (input.input === 'next') onNext(now, input);
      else onLost(now, input);
      settle(now);
    },

    onTimeout(now) {
      for (let count = 0; count < candidatesMax; count += 1) {
        const at = list.signs.next();
        const row = list.signs.take(now);
        if (row === undefined) break;
        if (row.signAt === at && row.isHere) list.repeat(now, row);
      }
      settle(now);
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      const times = [list.signs.next(), repairs.nextTimeout()].filter((at) => at !== undefined);
      return times.length === 0 ? undefined : Math.min(...times);
    },

    leaders: () => [...byNode.values()].map(leaderInTree),
    get isComplete() {
      return isComplete;
    },
  };
}

const nodeOf = (feeder: Feeder | undefined): string | null | undefined =>
  feeder === undefined ? undefined : feeder === 'ccm' ? null : feeder.leader.node;
