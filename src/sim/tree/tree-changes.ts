// How a planted mistake gets into a machine: what it is told, or what it does, is replaced on the way. A mistake lives for one run, so that it may remember.

import type { Machine } from '../../protocol/machine.ts';
import type {
  Distribution,
  DistributionEffect,
  DistributionInput,
  RelayEffect,
  RelayInput,
  RelayMachine,
  TreeLeader,
} from '../../protocol/tree/tree-machines.ts';

export interface TreeChanges {
  /** Undefined: it never comes. */
  readonly ccmInput?: (input: DistributionInput) => DistributionInput | undefined;
  readonly ccmEffect?: (effect: DistributionEffect) => readonly DistributionEffect[];
  readonly relayInput?: (input: RelayInput) => RelayInput | undefined;
  readonly relayEffect?: (effect: RelayEffect) => readonly RelayEffect[];
  /** What the CCM believes of a leader. */
  readonly leader?: (leader: TreeLeader) => TreeLeader;
  /** Blocks count as good without a look at their hashes. */
  readonly takesAnything?: boolean;
}

export function changedDistribution(machine: Distribution, changes: TreeChanges): Distribution {
  return {
    ...changed(machine, changes.ccmInput, changes.ccmEffect),
    leaders: () => machine.leaders(),
    get isComplete() {
      return machine.isComplete;
    },
  };
}

export function changedRelay(machine: RelayMachine, changes: TreeChanges): RelayMachine {
  return {
    ...changed(machine, changes.relayInput, changes.relayEffect),
    get state() {
      return machine.state;
    },
  };
}

function changed<Input, Effect>(
  machine: Machine<Input, Effect>,
  input: (input: Input) => Input | undefined = (one) => one,
  effect: (effect: Effect) => readonly Effect[] = (one) => [one],
): Machine<Input, Effect> {
  const done: Effect[] = [];
  return {
    handle(now, told) {
      const heard = input(told);
      if (heard !== undefined) machine.handle(now, heard);
    },
    onTimeout: (now) => machine.onTimeout(now),
    nextTimeout: () => machine.nextTimeout(),
    pollEffect() {
      for (let one = machine.pollEffect(); one !== undefined; one = machine.pollEffect())
        done.push(...effect(one));
      return done.shift();
    },
  };
}
