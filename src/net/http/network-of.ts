// The network that an address counts for in limits: an IPv6 subscriber has a /64, so its addresses are one.

import { isIPv6 } from 'node:net';

export function networkOf(address = ''): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = Math.max(0, 8 - groups.length - after.length);
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...after].slice(0, 4).join(':');
}

/** This very machine: a proxy before the CCM, whose clients cannot be told apart. */
export function isThisMachine(address = ''): boolean {
  return ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(address.toLowerCase());
}
