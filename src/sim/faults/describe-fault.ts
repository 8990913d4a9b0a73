// A fault as a line for people, and how many there are of each kind.

import type { CrashMoment, Fault, FaultKind, Target } from './fault.ts';

const moments: Readonly<Record<CrashMoment, string>> = {
  now: '',
  'before-persist': ' before its next write is durable',
  'after-persist': ' behind its next durable write, before it sends',
  'amid-sends': ' behind its next durable write, amid what it sends',
};

const directions = {
  both: 'cut off from the others',
  out: 'not heard by the others',
  in: 'deaf to the others',
};

export function describeFault(fault: Fault, names: readonly string[]): string {
  const name = (node: Target): string => (node === 'leader' ? 'the leader' : (names[node] ?? 'the CCM'));
  return `${seconds(fault.at)} ${what()}`;

  function what(): string {
    switch (fault.kind) {
      case 'crash':
        return `${name(fault.node)} crashes${moments[fault.moment]}, back after ${seconds(fault.downMs)}`;
      case 'leave':
        return `${name(fault.node)} leaves, back after ${seconds(fault.downMs)}`;
      case 'pause':
        return `${name(fault.node)} pauses for ${seconds(fault.forMs)}`;
      case 'partition':
        return `${fault.side.map(name).join(' ')} ${directions[fault.direction]}${fault.sparesCcm ? ', not to the CCM,' : ''} for ${seconds(fault.forMs)}`;
      case 'loss': {
        const from = fault.from === null ? 'everybody' : name(fault.from);
        const to = fault.to === null ? 'everybody' : name(fault.to);
        return `${Math.round(fault.share * 100)} % lost from ${from} to ${to} for ${seconds(fault.forMs)}`;
      }
      case 'slow':
        return `${name(fault.node)} takes up to ${Math.round(fault.delayMs)} ms for each thing, for ${seconds(fault.forMs)}`;
      case 'disk':
        return `${name(fault.node)} cannot write for ${seconds(fault.forMs)}`;
      case 'unlink':
        return `${name(fault.node)} has no link to the CCM for ${seconds(fault.forMs)}`;
      case 'ccm-restart':
        return `the CCM restarts, back after ${seconds(fault.downMs)}`;
    }
  }
}

export function countFaults(faults: readonly Fault[]): Partial<Record<FaultKind, number>> {
  const counts: Partial<Record<FaultKind, number>> = {};
  for (const { kind } of faults) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
