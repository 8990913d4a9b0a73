// One simulated distribution: the CCM, its leaders, the wide network between them, the plan's faults, and the checks. The same plan always runs the same way.

import { createDistribution } from '../../protocol/tree/distribution.ts';
import { createRelayMachine } from '../../protocol/tree/relay-machine.ts';
import { shapeTree } from '../../protocol/tree/shape-tree.ts';
import type { DistributionOptions, TreeLeader } from '../../protocol/tree/tree-machines.ts';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createRandom } from '../kernel/random.ts';
import type { Violation } from '../segment/segment-run.ts';
import { createSimLeader, type SimLeader } from './sim-leader.ts';
import { createSimTreeCcm } from './sim-tree-ccm.ts';
import { createTreeCells } from './tree-cells.ts';
import { changedDistribution, changedRelay, type TreeChanges } from './tree-changes.ts';
import { createTreeChecks } from './tree-checks.ts';
import { createFaultHand } from './tree-faults.ts';
import type { FlowWorld, Source } from './tree-flow.ts';
import type { PlannedLeader, TreePlan } from './tree-plan.ts';
import { createWan } from './tree-wan.ts';

export interface TreeRunResult {
  readonly violation: Violation | null;
  readonly virtualMs: number;
  readonly events: number;
  readonly leaders: number;
  /** Until the last node of the last segment holds it; and the least that it can take at the slowest downlink of those that ended with it. */
  readonly lastNodeMs: number;
  readonly limitMs: number;
  /** Through the size. */
  readonly ccmEgressRatio: number;
  readonly uplinkMaxRatio: number;
  readonly uplinkMeanRatio: number;
  /** Words at the CCM, through the leaders. */
  readonly messages: number;
}

export interface TreeRunOptions {
  readonly plan: TreePlan;
  readonly changes: TreeChanges;
  readonly trace?: (line: string) => void;
}

/** Beyond what faults and links take: an end that takes longer is none. */
const graceMs = 240_000;
/** Of one leader; the CCM knows what its uplink bears. */
const roomMax = 16;
/** What is said when it should be over is seen. */
const quietMs = 20_000;

export function runTree({ plan, changes, trace }: TreeRunOptions): TreeRunResult {
  const queue = createEventQueue();
  const wan = createWan(queue);
  const cells = createTreeCells(plan.bytes, plan.cellBlocks);
  const world: FlowWorld = { queue, wan, cells };
  const checks = createTreeChecks(plan, cells, queue.now);
  const say =
    trace === undefined
      ? undefined
      : (line: string): void => trace(`${(queue.now() / 1000).toFixed(3).padStart(9)}  ${line}`);
  const byName = new Map<string, SimLeader>();
  const wholeAt = new Map<SimLeader, number>();

  const describeLeader = (planned: PlannedLeader, { segment, node }: SimLeader): TreeLeader => ({
    ...{ segment, node: node.name },
    place: planned.isHidden ? null : { address: node.name, port: 7400 },
    upBytesPerSecond: plan.isMeasured ? node.upBytesPerSecond : null,
    downBytesPerSecond: plan.isMeasured ? node.downBytesPerSecond : null,
    delayMs: plan.isMeasured ? 2 * wan.delayMs(ccm.node, node) : null,
    coordinates: plan.isMeasured ? { x: 2 * node.x, y: 2 * node.y, height: 2 * node.accessMs } : null,
  });
  const plannedOf = new Map<string, PlannedLeader>();

  const ccm = createSimTreeCcm({
    world,
    node: wan.createNode(plan.ccm),
    checks,
    random: createRandom(plan.seed, 'tree words'),
    weather: plan.weather,
    described(leader) {
      const described = describeLeader(plannedOf.get(leader.segment) as PlannedLeader, leader);
      checks.described(described);
      return changes.leader?.(described) ?? described;
    },
    createMachine(leaders, firstNumber) {
      const given: DistributionOptions = {
        ...{ assignment: 'a'.repeat(64), bytes: plan.bytes, blocks: cells.blocks, leaders, firstNumber },
        ccmBytesPerSecond: plan.isMeasured ? plan.ccm.upBytesPerSecond : null,
      };
      checks.shaped(shapeTree(given));
      return changedDistribution(createDistribution(queue.now(), given), changes);
    },
    linkBroke: (leader) => hand.linkBroke(leader),
    ...(say === undefined ? {} : { trace: say }),
  });

  function addLeader(segment: string, name: string): SimLeader {
    const planned = plannedOf.get(segment) as PlannedLeader;
    const leader = createSimLeader({
      ...{ world, checks, segment },
      node: wan.createNode({ ...planned, name }),
      takesAnything: changes.takesAnything === true,
      createMachine: () => changedRelay(createRelayMachine({ node: name, room: roomMax }), changes),
      sourceOf: (node): Source | undefined => (node === null ? ccm : byName.get(node)),
      leaderOf: (node) => byName.get(node),
      say: (word) => ccm.say(leader, word),
      heldAll: () => wholeAt.set(leader, queue.now()),
      ...(say === undefined ? {} : { trace: say }),
    });
    byName.set(name, leader);
    return leader;
  }

  for (const planned of plan.leaders) plannedOf.set(planned.name, planned);
  const first = plan.leaders.map(({ name }) => addLeader(name, name));
  const hand = createFaultHand({
    ...{ plan, world, ccm, checks, leaders: first, addLeader },
    random: createRandom(plan.seed, 'tree faults'),
    ...(trace === undefined ? {} : { trace }),
  });
  ccm.begin(first.filter((leader) => !hand.comesLate(leader)));
  hand.begin();

  const slowest = Math.min(
    ...plan.leaders.map((one) => Math.min(one.downBytesPerSecond, one.upBytesPerSecond)),
  );
  const starMs = (1000 * plan.bytes * plan.leaders.length) / plan.ccm.upBytesPerSecond;
  const endAt = hand.lastsMs + graceMs + (10_000 * plan.bytes) / slowest + starMs;
  const isDone = (): boolean =>
    queue.now() >= hand.lastsMs &&
    (ccm.isComplete() || hand.present().length === 0) &&
    hand.present().every((leader) => leader.isWhole() && ccm.hasLink(leader));
  const eventsMax = 300_000 + plan.leaders.length * (20_000 + 10 * cells.count);
  while (queue.now() < endAt && checks.violation() === null && queue.count() < eventsMax && !isDone())
    queue.runUntil(queue.now() + 250, eventsMax - queue.count());
  const isInTime = isDone();
  const messages = ccm.words() / plan.leaders.length;
  if (isInTime && checks.violation() === null) queue.runUntil(queue.now() + quietMs);
  const ends = hand
    .present()
    .map((leader) => (wholeAt.get(leader) ?? 0) + (plannedOf.get(leader.segment)?.tailMs ?? 0));
  const sent = [...byName.values()].map(({ node }) => node.sentBytes / plan.bytes);
  const lastNodeMs = ends.reduce((most, end) => Math.max(most, end), 0);
  const limitMs = (1000 * plan.bytes) / slowest;
  const ccmEgressRatio = ccm.node.sentBytes / plan.bytes;
  const sentRatio = sent.reduce((sum, one) => sum + one, ccmEgressRatio);
  checks.finished({
    ...{ leaders: hand.present(), isComplete: ccm.isComplete(), isInTime },
    ...{ lastNodeMs, limitMs, ccmEgressRatio, sentRatio },
  });
  const violation = checks.violation();
  if (violation !== null) say?.(`!!! ${violation.checker}: ${violation.what}`);
  return {
    violation,
    virtualMs: queue.now(),
    events: queue.count(),
    leaders: plan.leaders.length,
    ...{ lastNodeMs, limitMs, ccmEgressRatio },
    uplinkMaxRatio: sent.reduce((most, one) => Math.max(most, one), 0),
    uplinkMeanRatio: sent.reduce((sum, one) => sum + one, 0) / sent.length,
    messages,
  };
}
