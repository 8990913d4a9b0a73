// A session's faults as lines for people.

import { seconds } from '../faults/describe-fault.ts';
import type { MctpFault } from './mctp-fault.ts';
import type { MctpPlan } from './mctp-plan.ts';

export function describeMctpPlan(plan: MctpPlan): string[] {
  const { session, loss, duplicate, held, delayMs, quorum, linkBytesPerSecond, faults, holders } = plan;
  const { repair, manifestBytes, sealedBytes, plainBytes, receivers } = session;
  return [
    `${repair}: ${manifestBytes} + ${sealedBytes} + ${plainBytes} bytes to ${receivers}, link ${linkBytesPerSecond / 1e6} MB/s, quorum ${quorum}`,
    `weather: ${100 * loss} % lost, ${100 * duplicate} % twice, ${100 * held} % late, ${delayMs} ms`,
    ...holders.map(({ node, share }) => `r${node} holds ${100 * share} %`),
    ...faults.map((fault) => describeMctpFault(fault)),
  ];
}

export function describeMctpFault(fault: MctpFault): string {
  const { at, kind, ...more } = fault;
  const facts = Object.entries(more).map(([name, value]) => `${name} ${value}`);
  return [seconds(at), kind, ...facts].join(' ');
}
