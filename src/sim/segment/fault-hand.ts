// Carries out a plan's faults on the nodes, the network and the CCM, takes each back when its time is over, and knows who is in trouble.

import type { ControlMessage } from '../../model/segment.ts';
import type { Fault, Target } from '../faults/fault.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import type { Network } from '../network/network.ts';
import type { Packet, SimNode } from '../node/sim-node.ts';
import type { RunPlan } from './run-plan.ts';

export interface FaultHandOptions {
  readonly plan: RunPlan;
  readonly queue: EventQueue;
  readonly network: Network<Packet<ControlMessage>>;
  readonly nodes: number;
  node(index: number): SimNode<ControlMessage, never>;
  /** Whom `leader` means now. */
  leader(): number | undefined;
  paused(index: number): void;
  /** Just before it goes on. */
  resuming(index: number, pausedMs: number): void;
  restartCcm(downMs: number): void;
  faulted(fault: Fault): void;
}

export interface FaultHand {
  begin(): void;
  /** Something else has changed who is there. */
  disturbed(): void;
  disturbedAt(): number;
  isTroubled(index: number): boolean;
  isUnlinked(index: number): boolean;
}

/** A crash that waits for its moment comes within a second. */
const lateMs = 1100;

export function createFaultHand(options: FaultHandOptions): FaultHand {
  const { plan, queue, network, node } = options;
  let disturbedAt = 0;
  /** How many troubles a node is in. */
  const troubles = new Int32Array(options.nodes);
  const pausedAt: number[] = [];
  const unlinked = new Int32Array(options.nodes);

  const disturbed = (): void => {
    disturbedAt = queue.now();
  };
  const later = (delayMs: number, act: () => void): void =>
    queue.add(
      queue.now() + delayMs,
      () => {
        disturbed();
        act();
      },
      null,
      0,
    );

  const during = (counts: Int32Array, index: number, forMs: number): void => {
    counts[index] = (counts[index] as number) + 1;
    later(forMs, () => {
      counts[index] = (counts[index] as number) - 1;
    });
  };

  const carryOut = (fault: Fault): void => {
    switch (fault.kind) {
      case 'partition':
        later(
          fault.forMs,
          network.cut(
            fault.side.flatMap((node) => targeted(node) ?? []),
            fault.direction,
            fault.sparesCcm ? options.nodes : undefined,
          ),
        );
        return;
      case 'loss':
        for (const index of [fault.from, fault.to]) if (index !== null) during(troubles, index, fault.forMs);
        network.setLoss(fault.from, fault.to, fault.share);
        later(fault.forMs, () => network.setLoss(fault.from, fault.to, 0));
        return;
      case 'ccm-restart':
        options.restartCcm(fault.downMs);
        later(fault.downMs, () => undefined);
        return;
      default: {
        const index = targeted(fault.node);
        if (index !== undefined) strike(fault, index);
      }
    }
  };

  const targeted = (target: Target): number | undefined => (target === 'leader' ? options.leader() : target);

  const strike = (fault: Extract<Fault, { node: Target }>, index: number): void => {
    const struck = node(index);
    switch (fault.kind) {
      case 'crash':
      case 'leave':
        if (!struck.isUp()) return;
        if (fault.kind === 'crash') struck.crash(fault.moment);
        else struck.leave();
        later(fault.downMs + (fault.kind === 'crash' && fault.moment !== 'now' ? lateMs : 25), () =>
          struck.start(),
        );
        return;
      case 'pause':
        if (!struck.isUp()) return;
        // A pause ends with the process; what is left of it in a next life is none.
        if (!struck.isPaused()) pausedAt[index] = queue.now();
        struck.pause();
        options.paused(index);
        during(troubles, index, fault.forMs);
        later(fault.forMs, () => {
          options.resuming(index, struck.isPaused() ? queue.now() - (pausedAt[index] as number) : 0);
          struck.resume();
        });
        return;
      case 'slow':
        struck.slow(fault.delayMs);
        during(troubles, index, fault.forMs);
        later(fault.forMs, () => struck.slow(0));
        return;
      case 'disk':
        struck.failDisk(true);
        during(troubles, index, fault.forMs);
        later(fault.forMs, () => struck.failDisk(false));
        return;
      case 'unlink':
        during(unlinked, index, fault.forMs);
        return;
    }
  };

  return {
    begin() {
      queue.add(plan.stormStartMs, () => network.setQuality(plan.weather), null, 0);
      for (const fault of plan.faults) {
        queue.add(
          fault.at,
          () => {
            disturbed();
            options.faulted(fault);
            carryOut(fault);
          },
          null,
          0,
        );
      }
      queue.add(
        plan.calmFromMs,
        () => {
          disturbed();
          network.setQuality(plan.calm);
          network.heal();
        },
        null,
        0,
      );
      // A crash or leave may have been late, behind the start that was to follow it.
      queue.add(
        plan.calmFromMs + lateMs,
        () => {
          disturbed();
          for (let index = 0; index < options.nodes; index += 1) node(index).start();
        },
        null,
        0,
      );
    },
    disturbed,
    disturbedAt: () => disturbedAt,
    isTroubled: (index) => (troubles[index] as number) > 0,
    isUnlinked: (index) => (unlinked[index] as number) > 0,
  };
}
