// The plan for these leaders (TREE-21, TREE-22): its shape by the cost model, and each leader's role in it: which part it passes on, whether its
// places are for those whom it notifies or for those who look for a source, how many it bears.

import { planTree, type TreePlan } from './plan-tree.ts';
import type { DistributionOptions, TreeLeader } from './tree-machines.ts';

export interface TreeRole {
  readonly isLeaf: boolean;
  /** Of a tree of two parts; otherwise 0. */
  readonly colour: 0 | 1;
  /** Of its places, so many are for those whom it will notify. */
  readonly kept: number;
}

export interface TreeShape {
  plan(): TreePlan;
  readonly roles: readonly TreeRole[];
  isLeaf(leader: TreeLeader): boolean;
  /** How many may fetch from it at a time. */
  bears(leader: TreeLeader): number;
  /** There are so many by now: with twice as many, how many a leader bears is planned anew, but not the parts. */
  grow(leaders: number): void;
}

const bearsMax = 16;
/** Of one that has not asked: all its places. */
export const allKept = Number.POSITIVE_INFINITY;
const leafShare = 0.5;
/** What was measured on busy machines says that much less or more than the link is: between these all bear alike. */
const alikeShare = 0.7;
const alikeTimes = 2;

export function shapeTree(options: DistributionOptions): TreeShape {
  const { leaders, bytes, blocks, ccmBytesPerSecond } = options;
  const upMiddle = median(leaders.map(({ upBytesPerSecond }) => upBytesPerSecond));
  const downMiddle = median(leaders.map(({ downBytesPerSecond }) => downBytesPerSecond));
  const rate =
    upMiddle === null || downMiddle === null ? (upMiddle ?? downMiddle) : Math.min(upMiddle, downMiddle);
  const delayMs = median(leaders.map((leader) => leader.delayMs));

  const isLeaf = ({ place, upBytesPerSecond: up }: TreeLeader): boolean =>
    place === null || (up !== null && upMiddle !== null && up < leafShare * upMiddle);
  const serving = leaders.filter((leader) => !isLeaf(leader));
  const known = { bytes, blocks, bytesPerSecond: rate, delayMs, ccmBytesPerSecond };
  const plannedLeaves = leaders.length - serving.length;
  let planned = leaders.length;
  let plan = planTree({ ...known, leaders: planned, leaves: plannedLeaves });

  function bears({ upBytesPerSecond: up }: TreeLeader): number {
    if (up === null || rate === null) return plan.fanOut;
    const share = up / rate;
    const times = share < alikeShare ? share : Math.max(1, Math.floor(share / alikeTimes));
    const places = Math.round(plan.fanOut * times);
    return Math.min(Math.max(bearsMax, plan.fanOut), Math.max(1, places));
  }

  // In both trees of two parts everybody needs a place, and those who pass that part on offer them.
  let colours = coloursOf(serving);
  while (
    plan.parts === 2 &&
    plan.fanOut < bearsMax &&
    Math.min(...colours.places) < leaders.length - plan.ccmFanOut
  ) {
    plan = { ...plan, fanOut: plan.fanOut + 1 };
    colours = coloursOf(serving);
  }
  const sizes = [0, 1].map((colour) => [...colours.of.values()].filter((each) => each === colour).length);
  const taken = [plan.ccmFanOut, plan.ccmFanOut];
  const roles = leaders.map((leader): TreeRole => {
    const colour = colours.of.get(leader);
    if (colour === undefined) return { isLeaf: true, colour: 0, kept: 0 };
    if (plan.parts === 1) return { isLeaf: false, colour, kept: allKept };
    const before = taken[colour] ?? 0;
    const kept = Math.max(0, Math.min(bears(leader), (sizes[colour] ?? 0) - before));
    taken[colour] = before + kept;
    return { isLeaf: false, colour, kept };
  });

  /** By turns, as long as all bear alike; else so that both parts have as many places. */
  function coloursOf(rows: readonly TreeLeader[]): { of: Map<TreeLeader, 0 | 1>; places: readonly number[] } {
    const places: [number, number] = [0, 0];
    const of = new Map<TreeLeader, 0 | 1>();
    for (const leader of rows) {
      const colour = plan.parts === 2 && places[1] < places[0] ? 1 : 0;
      places[colour] += bears(leader);
      of.set(leader, colour);
    }
    return { of, places };
  }

  return {
    ...{ roles, isLeaf, bears },
    plan: () => plan,
    grow(count) {
      if (count < 2 * Math.max(1, planned)) return;
      planned = count;
      plan = planTree({ ...known, leaders: count, leaves: plannedLeaves, parts: plan.parts });
    },
  };
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).toSorted((one, other) => one - other);
  return known[Math.floor(known.length / 2)] ?? null;
}
