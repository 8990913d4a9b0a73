// CHAN-23: the datagrams of a throughput test, which carry nothing: a mark, whose test it is, and zeros. They are no frames of a session, and what hears
// them on a data channel drops them.

import { defaultPools, poolAddress, poolSize } from '../../mctp/channel-pool.ts';
import { familyOf } from '../channel/udp-sockets.ts';
import type { SocketAddress } from '../trust/peer-book.ts';
import { nonceBytes } from '../wire/wire-limits.ts';

const mark = Buffer.from('TcB1');

export function burstFrame(nonce: string, bytes: number): Buffer {
  const frame = Buffer.alloc(Math.max(bytes, mark.length + nonceBytes));
  mark.copy(frame);
  frame.write(nonce, mark.length, 'hex');
  return frame;
}

export function isBurstFrame(bytes: Buffer, nonce: string): boolean {
  const begin = mark.length + nonceBytes;
  return (
    bytes.length >= begin &&
    bytes.subarray(0, mark.length).equals(mark) &&
    bytes.toString('hex', mark.length, begin) === nonce
  );
}

/** The last of the data channels. */
export function burstGroup(address: string): SocketAddress {
  const pool = defaultPools[familyOf(address.split('%')[0] as string)];
  return { address: poolAddress(pool, poolSize - 1), port: pool.port };
}
