// MCTP-70: the addresses of the data channels. There are 16 of them, since a kernel lets a socket be in 20 groups; sessions share them when there
// are more, which costs a receiver the frames of others, and nothing else.

import type { AddressFamily } from '../segment/channel/local-interfaces.ts';
import type { ChannelPool } from './mctp.ts';

export const poolSize = 16;

export const defaultPools: Readonly<Record<AddressFamily, ChannelPool>> = {
  4: { first: '239.255.84.1', port: 17_460 },
  6: { first: 'ff15::5443:1', port: 17_460 },
};

/** The address of channel `number`, from 0. */
export function poolAddress({ first }: ChannelPool, number: number): string {
  const isIpv6 = first.includes(':');
  const cut = first.lastIndexOf(isIpv6 ? ':' : '.') + 1;
  const begin = Number.parseInt(first.slice(cut), isIpv6 ? 16 : 10);
  return first.slice(0, cut) + (begin + (number % poolSize)).toString(isIpv6 ? 16 : 10);
}

/** The channel with the fewest sessions; of several, the one behind `from`. */
export function freeChannel(inUse: readonly number[], from: number): number {
  const order = Array.from({ length: poolSize }, (_, index) => (from + index) % poolSize);
  const sessions = (channel: number): number => inUse.filter((used) => used === channel).length;
  return order.reduce((best, channel) => (sessions(channel) < sessions(best) ? channel : best));
}
