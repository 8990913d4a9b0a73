// The cost model (TREE-21): of the shapes that a tree can have, the one that brings an assignment to the last leader soonest. It decides the shape
// alone, never who is where.

export interface TreeFacts {
  /** How many are to have it. */
  readonly leaders: number;
  /** How many of them only fetch: nobody reaches them, or their uplink is slow. */
  readonly leaves?: number;
  readonly bytes: number;
  readonly blocks?: number;
  /** Of a leader's link, in the middle of all; null: not known. */
  readonly bytesPerSecond: number | null;
  /** There and back, in the middle of all; null: not known. */
  readonly delayMs: number | null;
  readonly ccmBytesPerSecond?: number | null;
  /** Only such shapes. */
  readonly parts?: 1 | 2;
}

export interface TreePlan {
  readonly shape: 'star' | 'chain' | 'k-ary' | 'two parts';
  readonly parts: 1 | 2;
  /** How many fetch each part from the CCM at a time. */
  readonly ccmFanOut: number;
  /** How many fetch from a leader at a time; in a tree of two parts, one part. */
  readonly fanOut: number;
  readonly seconds: number;
}

/** What is assumed of a link that nobody has measured: 100 Mbit/s, 20 ms. */
const rateUnknown = 12_500_000;
const delayUnknownMs = 20;
/** Asking, notifying and connecting go back and forth so many times from one leader to the next, and take so long beside. */
const roundTrips = 6.5;
const handlingMs = 15;
/** An assignment of more than this leaves the CCM three times at most. */
const largeBytes = 1_000_000;
const largeFanOutMax = 3;
const fanOutMax = 16;
const starMax = 64;
/** A path of more than this is not worth its risk. */
const chainMax = 64;
const twoPartsMin = 8;
/** Another shape than the simplest is taken when it promises this much. */
const gain = 0.95;

export function planTree(facts: TreeFacts): TreePlan {
  const { bytes } = facts;
  const leaders = Math.max(1, facts.leaders);
  const leaves = Math.min(facts.leaves ?? 0, leaders);
  const serving = leaders - leaves;
  const rate = Math.max(1, facts.bytesPerSecond ?? rateUnknown);
  const ccmRate = Math.max(1, facts.ccmBytesPerSecond ?? rate);
  const roundTripS = (facts.delayMs ?? delayUnknownMs) / 1000;
  const blockS = bytes / Math.max(1, facts.blocks ?? bytes / 131_072) / rate;
  /** From a leader's first block to its child's, with so many children. */
  const hopS = (children: number): number =>
    roundTrips * roundTripS + handlingMs / 1000 + Math.min(bytes / rate, blockS) * children;
  const isLarge = bytes > largeBytes;
  const plans: TreePlan[] = [];

  if (leaders <= starMax && (!isLarge || leaders <= largeFanOutMax || serving === 0)) {
    const starS = (leaders * bytes) / Math.min(ccmRate, leaders * rate);
    plans.push({
      ...{ shape: 'star', parts: 1, ccmFanOut: Math.max(1, leaders), fanOut: 1 },
      seconds: starS + 3 * roundTripS + handlingMs / 1000,
    });
  }
  if (serving <= chainMax && leaves <= 1)
    plans.push({
      ...{ shape: 'chain', parts: 1, ccmFanOut: 1, fanOut: 1 },
      seconds: bytes / Math.min(rate, ccmRate) + leaders * hopS(1),
    });
  if (serving >= (facts.parts === 2 ? 1 : twoPartsMin)) {
    // Each part needs a place for everybody, and half of those who serve offer them.
    const fanOut = Math.min(fanOutMax, Math.max(2, Math.ceil((2 * leaders) / serving)));
    const levels = depthOf(serving / 2, 1, fanOut) + 2;
    plans.push({
      ...{ shape: 'two parts', parts: 2, ccmFanOut: 1, fanOut },
      seconds: (bytes / Math.min(rate, ccmRate)) * (fanOut / 2) + levels * hopS(fanOut),
    });
  }
  for (let fanOut = 2; fanOut <= fanOutMax; fanOut += 1) {
    const ccmFanOut = isLarge ? Math.min(fanOut, largeFanOutMax) : fanOut;
    // With few that serve, they and the CCM have not enough places at once: more rounds follow.
    const rounds = Math.max(1, Math.ceil(leaders / (ccmFanOut + serving * fanOut)));
    const slowest = Math.min(rate / fanOut, ccmRate / ccmFanOut);
    plans.push({
      ...{ shape: 'k-ary', parts: 1, ccmFanOut, fanOut },
      seconds: (rounds * bytes) / slowest + depthOf(leaders, ccmFanOut, fanOut) * hopS(fanOut),
    });
  }

  const possible = plans.filter(({ parts }) => parts === (facts.parts ?? parts));
  return possible.reduce((best, plan) => (plan.seconds < best.seconds * gain ? plan : best));
}

/** Levels below the CCM until so many have a place. */
function depthOf(leaders: number, ccmFanOut: number, fanOut: number): number {
  let places = ccmFanOut;
  let level = ccmFanOut;
  let depth = 1;
  for (; places < leaders; depth += 1) {
    level *= fanOut;
    places += level;
    if (fanOut === 1) return leaders;
  }
  return depth;
}
