// One simulated distribution as data, drawn from its seed: how large, over what links, to whom, and what happens meanwhile. A third of the seeds has no faults;
// what is given is not drawn.

import { blockBytes } from '../../model/assignment.ts';
import { runBlocks } from '../../protocol/tree/tree-parts.ts';
import { createRandom, type Random } from '../kernel/random.ts';
import type { WordWeather } from './sim-tree-ccm.ts';
import { type TreeFault, treeFaultKinds } from './tree-fault.ts';
import type { WanPlace } from './tree-wan.ts';

export interface PlannedLeader extends WanPlace {
  /** Nobody reaches it from outside, and the CCM knows. */
  readonly isHidden: boolean;
  /** From when it holds all until its last member does. */
  readonly tailMs: number;
}

export interface TreePlan {
  readonly seed: number;
  readonly bytes: number;
  readonly cellBlocks: number;
  readonly ccm: WanPlace;
  readonly leaders: readonly PlannedLeader[];
  /** The CCM knows rates, and where everybody is. */
  readonly isMeasured: boolean;
  readonly weather: WordWeather;
  readonly faults: readonly TreeFault[];
  /** All at one rate, and nothing happens. */
  readonly isEven: boolean;
}

export interface TreePlanOptions {
  /** Null: drawn, 2 to 40. */
  readonly leaders: number | null;
  readonly members: number;
  /** Null: drawn, 1 to 300 blocks. */
  readonly bytes: number | null;
  /** Null: drawn, each its own. */
  readonly bytesPerSecond: number | null;
  /** One way between any two; null: drawn. */
  readonly delayMs: number | null;
  /** False: nothing happens, and nothing is drawn but the segments' tails. */
  readonly hasFaults: boolean;
}

/** So many cells arrive in a run of any size; larger ones have cells of more blocks. */
const arrivalsMax = 1_300_000;
const calm: WordWeather = { lost: 0, doubled: 0, late: 0, lateMs: 0 };

export function drawTreePlan(seed: number, options: TreePlanOptions): TreePlan {
  const random = createRandom(seed, 'tree plan');
  const count = options.leaders ?? 2 + random.below(random.pick([4, 10, 20, 39]));
  const blocks = random.pick([1, 2, 5, 20, 60, 60, 150, 300]);
  const bytes = options.bytes ?? (blocks - 1) * blockBytes + 1 + random.below(blockBytes);
  const isPlain = !options.hasFaults || seed % 3 === 0;
  const isEven = options.bytesPerSecond !== null || random.chance(0.4);
  const rate = options.bytesPerSecond ?? random.pick([1e6, 4e6, 12.5e6]);
  const spread = options.delayMs === null ? random.pick([0, 5, 40]) : 0;
  const access = options.delayMs === null ? random.pick([0.3, 2, 10, 40]) : options.delayMs / 2;
  const place = (name: string): WanPlace => ({
    name,
    upBytesPerSecond: isEven ? rate : rate * random.pick([1, 1, 1, 0.5, 2, 0.3]),
    downBytesPerSecond: isEven ? rate : rate * random.pick([1, 1, 2, 4]),
    accessMs: access,
    x: spread * random.unit(),
    y: spread * random.unit(),
    isOpen: true,
  });
  const oddShare = isPlain ? 0 : random.pick([0, 0, 0.1, 0.3]);
  const ccm = place('ccm');
  const leaders = Array.from({ length: count }, (_, index): PlannedLeader => {
    const own = place(`n${index}`);
    const isOdd = random.chance(oddShare);
    const odd = random.pick(['hidden', 'shut', 'slow'] as const);
    const slow = isOdd && odd === 'slow' ? 0.05 : 1;
    return {
      ...own,
      upBytesPerSecond: slow * own.upBytesPerSecond,
      downBytesPerSecond: slow * own.downBytesPerSecond,
      isOpen: !isOdd || odd === 'slow',
      isHidden: isOdd && odd === 'hidden',
      tailMs: options.members === 0 ? 0 : random.between(50, 1000),
    };
  });
  return {
    ...{ seed, bytes, ccm, leaders },
    cellBlocks: cellBlocksOf(count, Math.max(1, Math.ceil(bytes / blockBytes))),
    isMeasured: !options.hasFaults || random.chance(0.7),
    weather: isPlain ? calm : drawWeather(random),
    faults: isPlain ? [] : drawFaults(random, count, 1000 + (3000 * bytes) / rate),
    isEven: isPlain && isEven,
  };
}

/** A run of blocks of one part in equal pieces, so many that there are not too many arrivals. */
function cellBlocksOf(leaders: number, blocks: number): number {
  const run = runBlocks(blocks);
  const runs = Math.ceil(blocks / run);
  const pieces = Math.min(run, Math.max(1, Math.floor(arrivalsMax / (leaders * runs))));
  return Math.ceil(run / pieces);
}

function drawWeather(random: Random): WordWeather {
  if (random.chance(0.4)) return calm;
  return {
    lost: random.pick([0, 0.005, 0.02]),
    doubled: random.pick([0, 0.05, 0.2]),
    late: random.pick([0, 0.02, 0.1]),
    lateMs: random.pick([1000, 8000]),
  };
}

function drawFaults(random: Random, leaders: number, withinMs: number): TreeFault[] {
  const faults: TreeFault[] = [];
  const many = 1 + random.below(random.pick([2, 6]));
  // Of few leaders few are struck, so that there is somebody left to look at.
  const strikable = random.shuffled(Array.from({ length: leaders }, (_, node) => node));
  for (let left = many; left > 0; left -= 1) {
    const kind = random.pick(treeFaultKinds);
    const node = strikable[left % Math.max(1, Math.min(strikable.length, many))] as number;
    if (kind === 'ccm-restart' && faults.some((fault) => fault.kind === kind)) continue;
    if (kind === 'partition' && faults.some((fault) => fault.kind === kind)) continue;
    faults.push(drawFault(random, kind, node, { leaders, withinMs }));
  }
  return faults.sort((one, other) => one.at - other.at);
}

interface Extent {
  readonly leaders: number;
  readonly withinMs: number;
}

function drawFault(
  random: Random,
  kind: TreeFault['kind'],
  node: number,
  { leaders, withinMs }: Extent,
): TreeFault {
  const at = Math.round(random.between(0, withinMs));
  const lasting = (shortMs: number, longMs: number): number =>
    Math.round(shortMs * (longMs / shortMs) ** random.unit());
  switch (kind) {
    case 'kill':
      return { at, kind, node, downMs: lasting(300, 20_000) };
    case 'succession':
      return { at, kind, node, afterMs: lasting(1000, 10_000), share: random.pick([0, 0, 0.5, 0.95, 1]) };
    case 'cut':
      return { at, kind, node, forMs: random.chance(0.3) ? null : lasting(300, 30_000) };
    case 'link':
      return { at, kind, node, forMs: lasting(100, 20_000) };
    case 'ccm-restart':
      return { at, kind, downMs: lasting(500, 15_000) };
    case 'partition':
      return { at, kind, from: random.below(leaders), forMs: lasting(300, 30_000) };
    case 'corrupt':
    case 'liar':
    case 'mute':
      return { at: random.chance(0.7) ? 0 : at, kind, node };
    case 'vanish':
    case 'late':
    case 'leaves':
      return { at, kind, node };
    case 'intruder':
      return { at, kind };
  }
}
