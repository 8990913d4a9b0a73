// A simulated distribution's plan as lines for people.

import { seconds } from '../faults/describe-fault.ts';
import type { TreeFault } from './tree-fault.ts';
import type { TreePlan } from './tree-plan.ts';

export function describeTreePlan(plan: TreePlan): string[] {
  const { bytes, leaders, ccm, weather, faults, cellBlocks } = plan;
  const odd = leaders.filter(({ isHidden, isOpen }) => isHidden || !isOpen);
  return [
    `${bytes} bytes to ${leaders.length} leaders, ${cellBlocks} blocks at a time; the CCM sends ${(ccm.upBytesPerSecond / 1e6).toFixed(1)} MB/s`,
    `words: ${100 * weather.lost} % lost, ${100 * weather.doubled} % twice, ${100 * weather.late} % up to ${weather.lateMs} ms late`,
    ...odd.map(
      ({ name, isHidden }) => `${name} is ${isHidden ? 'known to be' : ''} not reached from outside`,
    ),
    ...faults.map((fault) => describeTreeFault(fault)),
  ];
}

export function describeTreeFault(fault: TreeFault): string {
  const { at, kind, ...more } = fault;
  return [seconds(at), kind, ...Object.entries(more).map(([name, value]) => `${name} ${value}`)].join(' ');
}
