// Carries out a plan's faults: processes, lines, links and disks. What has broken heals by itself where it would: links are opened again, processes start.

import type { Random } from '../kernel/random.ts';
import { describeTreeFault } from './describe-tree-fault.ts';
import type { SimLeader } from './sim-leader.ts';
import type { SimTreeCcm } from './sim-tree-ccm.ts';
import type { TreeChecks } from './tree-checks.ts';
import type { TreeFault } from './tree-fault.ts';
import type { FlowWorld } from './tree-flow.ts';
import type { TreePlan } from './tree-plan.ts';

export interface FaultHandOptions {
  readonly plan: TreePlan;
  readonly world: FlowWorld;
  readonly ccm: SimTreeCcm;
  readonly checks: TreeChecks;
  readonly random: Random;
  readonly leaders: readonly SimLeader[];
  readonly addLeader: (segment: string, name: string) => SimLeader;
  readonly trace?: (line: string) => void;
}

export interface FaultHand {
  comesLate(leader: SimLeader): boolean;
  begin(): void;
  /** Its link is dead; both have noticed. */
  linkBroke(leader: SimLeader): void;
  /** When the last fault has ended. */
  readonly lastsMs: number;
  /** Alive, not cut off, and of a segment that needs it; who says that it holds what it does not gets no more. */
  present(): readonly SimLeader[];
}

/** A link over which nothing comes is lost. */
const linkSilenceMs = 10_000;
const relinkMs = [200, 3000] as const;

export function createFaultHand(options: FaultHandOptions): FaultHand {
  const { plan, world, ccm, checks, random, leaders } = options;
  const { queue, wan } = world;
  const late = new Set(plan.faults.flatMap((fault) => (fault.kind === 'late' ? [leaders[fault.node]] : [])));
  const left = new Set<string>();
  /** By segment: who leads it now. */
  const current = new Map(leaders.map((leader) => [leader.segment, leader]));

  const later = (ms: number, act: () => void): void => queue.add(queue.now() + ms, act, null, 0);

  function isLeading(leader: SimLeader): boolean {
    return current.get(leader.segment) === leader && leader.node.isUp;
  }

  /** Until it has its link, or is no leader any more. */
  function relink(leader: SimLeader): void {
    later(random.between(...relinkMs), () => {
      if (!isLeading(leader) || ccm.hasLink(leader)) return;
      if (wan.reaches(ccm.node, leader.node) && ccm.node.isUp) {
        checks.renewed(leader);
        ccm.linkUp(leader);
      } else relink(leader);
    });
  }

  function loseLink(leader: SimLeader): void {
    ccm.linkDown(leader);
    leader.linkDown();
    relink(leader);
  }

  function kill(leader: SimLeader): void {
    leader.kill();
    later(wan.delayMs(ccm.node, leader.node), () => {
      if (!leader.node.isUp) ccm.linkDown(leader);
    });
  }

  /** Packets get lost between it and the CCM; somebody notices. */
  function silence(leader: SimLeader): void {
    later(linkSilenceMs, () => {
      if (!wan.reaches(ccm.node, leader.node) && ccm.hasLink(leader)) loseLink(leader);
    });
  }

  function carryOut(fault: TreeFault): void {
    options.trace?.(`---------- ${describeTreeFault(fault)}`);
    const struck = 'node' in fault ? current.get(leaders[fault.node]?.segment ?? '') : undefined;
    switch (fault.kind) {
      case 'kill':
        if (struck === undefined || !isLeading(struck)) return;
        kill(struck);
        later(fault.downMs, () => {
          if (current.get(struck.segment) !== struck || struck.node.isUp) return;
          checks.renewed(struck);
          struck.start();
          relink(struck);
        });
        return;
      case 'succession':
        if (struck === undefined) return;
        if (struck.node.isUp) kill(struck);
        later(fault.afterMs, () => succeed(struck, fault.share));
        return;
      case 'cut':
        if (struck === undefined) return;
        struck.node.isCut = true;
        silence(struck);
        if (fault.forMs !== null)
          later(fault.forMs, () => {
            struck.node.isCut = false;
          });
        return;
      case 'link':
        if (struck === undefined || !ccm.hasLink(struck)) return;
        ccm.linkDown(struck);
        struck.linkDown();
        later(fault.forMs, () => relink(struck));
        return;
      case 'ccm-restart':
        ccm.stop();
        later(fault.downMs, () => {
          ccm.start();
          for (const leader of current.values()) relink(leader);
        });
        return;
      case 'partition': {
        const away = leaders.slice(fault.from).map(({ segment }) => segment);
        const set = (side: number): void => {
          for (const segment of away) {
            const leader = current.get(segment);
            if (leader === undefined) continue;
            leader.node.side = side;
            if (side !== 0) silence(leader);
          }
        };
        set(1);
        later(fault.forMs, () => set(0));
        return;
      }
      case 'corrupt':
        if (struck !== undefined) struck.wrongs.corrupts = true;
        return;
      case 'liar':
        if (struck !== undefined) struck.wrongs.lies = true;
        return;
      case 'mute':
        if (struck !== undefined) struck.wrongs.mute = true;
        return;
      case 'vanish':
        if (struck === undefined || !struck.node.isUp) return;
        checks.renewed(struck);
        struck.vanish();
        return;
      case 'intruder':
        intrude();
        return;
      case 'late':
        if (struck !== undefined) relink(struck);
        return;
      case 'leaves':
        if (struck === undefined) return;
        left.add(struck.segment);
        ccm.segmentLeft(struck.segment);
        return;
    }
  }

  function succeed(former: SimLeader, share: number): void {
    if (current.get(former.segment) !== former) return;
    const successor = options.addLeader(former.segment, `${former.node.name}b`);
    successor.node.side = former.node.side;
    const held = [...Array(world.cells.count).keys()].filter(() => random.chance(share));
    successor.hold(held);
    current.set(former.segment, successor);
    relink(successor);
  }

  function intrude(): void {
    const node = 'stranger';
    const heldBlocks = world.cells.blocks;
    const number = 1 + random.below(100);
    ccm.intrude({ input: 'next', node, heldBlocks, room: 16, unreached: [] });
    ccm.intrude({ input: 'sourceLost', node, number, source: null, trouble: 'none', heldBlocks: 0 });
    ccm.intrude({ input: 'state', node, state: 'held', number, heldBlocks, figures: [] });
    ccm.intrude({ input: 'next', node, heldBlocks, room: 16, unreached: [] });
  }

  const lasts = (fault: TreeFault): number => {
    if ('forMs' in fault) return fault.forMs ?? 0;
    if ('downMs' in fault) return fault.downMs;
    return fault.kind === 'succession' ? fault.afterMs : 0;
  };

  return {
    comesLate: (leader) => late.has(leader),
    linkBroke(leader) {
      if (ccm.hasLink(leader)) loseLink(leader);
    },
    begin() {
      for (const fault of plan.faults) queue.add(fault.at, () => carryOut(fault), null, 0);
    },
    lastsMs:
      plan.faults.reduce((most, fault) => Math.max(most, fault.at + lasts(fault)), 0) +
      (plan.faults.length > 0 ? 2 * relinkMs[1] : 0),
    present: () =>
      [...current.values()].filter(
        (leader) =>
          leader.node.isUp &&
          !leader.wrongs.lies &&
          !left.has(leader.segment) &&
          wan.reaches(ccm.node, leader.node),
      ),
  };
}
