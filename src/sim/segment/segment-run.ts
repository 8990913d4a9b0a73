// One run of a simulated segment: nodes with the product's machines, the faulty network, the CCM, the plan's faults, and the checkers that
// look at all of it. The same plan and machines always run the same way.

import type { ControlMessage } from '../../model/segment.ts';
import type { Ballot } from '../../protocol/election/claim.ts';
import type { Outgoing } from '../../protocol/machine.ts';
import type { MemberFact, MemberInput } from '../../protocol/segment/segment-member.ts';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createRandom } from '../kernel/random.ts';
import { createNetwork, type NetworkCounts } from '../network/network.ts';
import { createSimNode, type Packet, type SimNode } from '../node/sim-node.ts';
import { createFaultHand } from './fault-hand.ts';
import type { MemberKit } from './member-kit.ts';
import type { RunPlan } from './run-plan.ts';
import { segmentBounds } from './segment-bounds.ts';
import type { Checker, MakeChecker, NodeView, SegmentView } from './segment-view.ts';
import { createSimCcm } from './sim-ccm.ts';
import { createTrace } from './trace.ts';
import { splitMessage } from './wire-model.ts';

export interface Violation {
  readonly checker: string;
  readonly what: string;
  /** Milliseconds of virtual time. */
  readonly at: number;
}

export interface RunResult {
  readonly violation: Violation | null;
  readonly virtualMs: number;
  readonly events: number;
  readonly network: Readonly<NetworkCounts>;
  /** How often somebody began to lead. */
  readonly elections: number;
}

export interface RunOptions {
  readonly plan: RunPlan;
  readonly kit: MemberKit;
  readonly checkers: readonly MakeChecker[];
  /** Takes each line of what happens; undefined: nobody wants to know. */
  readonly trace?: (line: string) => void;
}

const tickMs = 100;
/** Of a run of any length; a machine that never comes to rest ends there. */
const eventsPerMemberMax = 400_000;

export function runSegment({ plan, kit, checkers: makers, trace: print }: RunOptions): RunResult {
  const queue = createEventQueue();
  const count = plan.members.length;
  const ccmIndex = count;
  const trace = print === undefined ? undefined : createTrace(plan, queue.now, print);
  const indexes = new Map(plan.members.map(({ name }, index) => [name, index]));
  const indexOf = (name: string): number => indexes.get(name) ?? -1;
  let violation: Violation | null = null;
  let elections = 0;

  const views = plan.members.map(
    ({ name }, index): NodeView => ({
      index,
      name,
      isUp: false,
      isPaused: false,
      upSince: 0,
      leader: null,
      term: 0,
      isRegistered: false,
      durableTerm: 0,
      durableVote: null,
    }),
  );
  const viewOf = (index: number): NodeView => views[index] as NodeView;
  const nodes: SimNode<ControlMessage, MemberInput>[] = [];
  const nodeOf = (index: number): SimNode<ControlMessage, MemberInput> =>
    nodes[index] as SimNode<ControlMessage, MemberInput>;

  const network = createNetwork<Packet<ControlMessage>>({
    nodes: count,
    queue,
    random: createRandom(plan.seed, 'network'),
    quality: plan.calm,
    deliver: (packet, to) => nodeOf(to).receive(packet),
  });

  const hand = createFaultHand({
    plan,
    queue,
    network,
    node: nodeOf,
    nodes: count,
    leader: () => {
      const accepted = ccm.accepted();
      if (accepted !== null && viewOf(indexOf(accepted.leader)).isUp) return indexOf(accepted.leader);
      return views.find(({ isUp, leader, index }) => isUp && leader === index)?.index;
    },
    paused(index) {
      viewOf(index).isPaused = true;
    },
    resuming(index, pausedMs) {
      const node = viewOf(index);
      if (!node.isPaused) return;
      node.isPaused = false;
      for (const checker of checkers) checker.resumed?.(node, pausedMs);
    },
    restartCcm: (downMs) => ccm.restart(downMs),
    faulted(fault) {
      trace?.fault(fault);
      for (const checker of checkers) checker.faulted?.(fault);
    },
  });

  const isOpen = (index: number): boolean =>
    !hand.isUnlinked(index) && !network.isCut(index, ccmIndex) && !network.isCut(ccmIndex, index);
  const ccm = createSimCcm({
    nodes: count,
    queue,
    random: createRandom(plan.seed, 'ccm'),
    canReach: (index) => nodeOf(index).isUp() && !nodeOf(index).isPaused() && isOpen(index),
    isOpen,
    nameOf: (index) => viewOf(index).name,
    linked(index) {
      // As an agent's first `segmentState` says.
      if (viewOf(index).leader !== index) ccm.leadsNoMore(index);
      nodeOf(index).tell(kit.inputs.linked);
    },
    unlinked: (index) => nodeOf(index).tell(kit.inputs.unlinked),
    verdict: (index, verdict) => nodeOf(index).tell(kit.inputs.verdict(verdict)),
    others: (index, others) => nodeOf(index).tell(kit.inputs.others(others)),
    ...(kit.createAcceptance === undefined ? {} : { createAcceptance: kit.createAcceptance }),
    observer: {
      accepted(claim) {
        trace?.accepted(claim);
        for (const checker of checkers) checker.accepted?.(claim);
      },
      reported(report) {
        for (const checker of checkers) checker.reported?.(report);
      },
    },
  });

  const violate = (checker: string, what: string): void => {
    if (violation !== null) return;
    violation = { checker, what, at: Math.round(queue.now()) };
    trace?.violation(violation);
    queue.stop();
  };

  const view: SegmentView = {
    plan,
    timing: kit.timing,
    bounds: segmentBounds(kit.timing),
    now: queue.now,
    nodes: views,
    node: (name) => views[indexOf(name)],
    isCut: network.isCut,
    isTroubled: hand.isTroubled,
    disturbedAt: hand.disturbedAt,
    ccm,
    priority: (index) => kit.priority(index, nodeOf(index).localNow()),
  };
  const checkers: Checker[] = makers.map((make) => {
    const checker = make(view, (what) => violate(checker.name, what));
    return checker;
  });
  // What is told most often is not asked of those who do not want to know it.
  const listenersOfSent = checkers.filter(({ sent }) => sent !== undefined);
  const listenersOfHeard = checkers.filter(({ heard }) => heard !== undefined);

  const told = (index: number, fact: MemberFact): void => {
    const node = viewOf(index);
    trace?.told(node, fact);
    if (fact.fact === 'leader') {
      const wasLeading = node.leader === index;
      node.leader = fact.leader === null ? null : indexOf(fact.leader);
      node.term = fact.term;
      if (node.leader === index && !wasLeading) elections += 1;
      if (wasLeading && node.leader !== index) ccm.leadsNoMore(index);
      for (const checker of checkers) checker.followed?.(node);
    } else if (fact.fact === 'registered') node.isRegistered = fact.registered;
    else if (fact.fact === 'segment-report') ccm.report(index, fact.report);
    for (const checker of checkers) checker.told?.(node, fact);
  };

  const observer = {
    started(index: number) {
      const node = viewOf(index);
      node.isUp = true;
      node.upSince = queue.now();
      trace?.line(node, 'starts');
      for (const checker of checkers) checker.started?.(node);
    },
    stopped(index: number) {
      const node = viewOf(index);
      node.isUp = false;
      node.isPaused = false;
      node.leader = null;
      node.isRegistered = false;
      hand.disturbed();
      trace?.line(node, 'is gone');
      ccm.ended(index);
      for (const checker of checkers) checker.stopped?.(node);
    },
    sent(index: number, to: Outgoing<ControlMessage>['to'], message: ControlMessage) {
      const node = viewOf(index);
      trace?.sent(node, to, message);
      for (const checker of listenersOfSent) checker.sent?.(node, message, to);
    },
    heard(index: number, from: number, message: ControlMessage) {
      for (const checker of listenersOfHeard) checker.heard?.(viewOf(index), viewOf(from), message);
    },
    persisted(index: number, state: Ballot) {
      const node = viewOf(index);
      for (const checker of checkers) checker.persisted?.(node, state);
      node.durableTerm = state.term;
      node.durableVote = state.vote;
    },
    told,
    logged(index: number, event: string, data: object) {
      trace?.line(viewOf(index), `${event} ${JSON.stringify(data)}`);
    },
  };

  plan.members.forEach((member, index) => {
    nodes.push(
      createSimNode<ControlMessage, Ballot, MemberFact, MemberInput>({
        index,
        nodes: count,
        queue,
        random: createRandom(plan.seed, `node ${index}`),
        skew: member.skew,
        forgetsBoots: kit.forgetsBoots,
        createMachine: (now, durable) => kit.create(index, now, durable),
        inputs: {
          message: (from, message, toGroup) => kit.inputs.message(viewOf(from).name, message, toGroup),
          persistFailed: kit.inputs.persistFailed,
          stop: kit.inputs.stop,
        },
        split: splitMessage,
        indexOf,
        transmit: (to, packet) =>
          to === 'group' ? network.sendGroup(index, packet) : network.send(index, to, packet),
        observer,
      }),
    );
    queue.add(
      member.startAt,
      () => {
        hand.disturbed();
        nodeOf(index).start();
      },
      null,
      0,
    );
  });

  const tick = (): void => {
    for (const checker of checkers) checker.tick?.();
    queue.add(queue.now() + tickMs, tick, null, 0);
  };
  queue.add(tickMs, tick, null, 0);
  hand.begin();
  queue.runUntil(plan.endMs, count * eventsPerMemberMax);
  if (violation === null && queue.now() < plan.endMs) violate('endless', 'the machines never come to rest');
  return {
    violation,
    virtualMs: Math.round(queue.now()),
    events: queue.count(),
    network: network.counts,
    elections,
  };
}
