// Which control channels there can be.

import type { ControlChannel } from './segment.ts';

/** What is wrong with it; undefined: nothing. */
export function channelProblem({ transport, group }: ControlChannel): string | undefined {
  if (transport === 'unicast') return group === null ? undefined : 'takes no group with unicast';
  if (group === null) return 'needs a group with multicast';
  return isMulticast(group)
    ? undefined
    : 'must have a multicast group: 224.0.0.0 to 239.255.255.255, or ff00::/8';
}

function isMulticast(address: string): boolean {
  if (address.includes(':')) return /^ff[0-9a-f]{2}:/i.test(address);
  const first = Number(address.split('.')[0]);
  return first >= 224 && first <= 239;
}
