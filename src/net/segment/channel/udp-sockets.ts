// The two UDP sockets of a node: one that hears the group, which all agents of a machine share, and one of its own, from which everything is
// sent and on which it is reached (CHAN-13). Opened for one interface; whoever opened them closes and opens anew when that changes.

import type { RemoteInfo, Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { SocketAddress } from '../trust/peer-book.ts';
import { boundSocket, multicastPlace } from './bound-socket.ts';
import type { AddressFamily, LocalInterface } from './local-interfaces.ts';

export interface UdpSockets {
  readonly own: SocketAddress;
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Resolves when the system has taken, or refused, all that was sent. */
  sent(): Promise<void>;
  close(): void;
}

export interface UdpSocketsOptions {
  readonly interface: LocalInterface;
  readonly family: AddressFamily;
  /** Null: no group is joined. */
  readonly group: SocketAddress | null;
  /** The first of those on which this node is reached; the next free one is taken, any when none is free. */
  readonly port: number;
  readonly onDatagram: (bytes: Buffer, source: SocketAddress) => void;
  /** Of each datagram, what the system said; null: it took it. */
  readonly onSent: (error: Error | null, to: SocketAddress) => void;
  /** The sockets are of no use any more. */
  readonly onError: (error: Error) => void;
}

/** Agents of one machine have ports of their own, so many of them known ones, for firewalls. */
export const unicastPortsMax = 8;

/** Rejects with the system's error when the group cannot be joined, or no socket can be had. */
export async function openUdpSockets(options: UdpSocketsOptions): Promise<UdpSockets> {
  const { interface: local, family, group } = options;
  const place = multicastPlace(family, local);
  const open: Socket[] = [];
  let under = 0;
  const waiting: (() => void)[] = [];
  const close = (): void => {
    for (const socket of open.splice(0)) socket.close();
  };
  const listen = async (reuseAddr: boolean, address: string, port: number): Promise<Socket> => {
    const socket = await boundSocket(family, reuseAddr, address, port);
    open.push(socket);
    socket.on('error', options.onError);
    socket.on('message', (bytes: Buffer, { address: from, port: fromPort }: RemoteInfo) =>
      options.onDatagram(bytes, { address: from, port: fromPort }),
    );
    return socket;
  };
  try {
    if (group !== null) {
      const hearing = await listen(true, group.address, group.port);
      hearing.addMembership(group.address, place);
    }
    const own = await firstFreeSocket(options.port, (port) => listen(false, local.address, port));
    own.setMulticastInterface(place);
    own.setMulticastTTL(1);
    own.setMulticastLoopback(true);
    return {
      own: { address: local.address, port: own.address().port },
      send(bytes, to) {
        if (open.length === 0) return;
        under += 1;
        own.send(bytes, to.port, to.address, (error) => {
          under -= 1;
          options.onSent(error, to);
          if (under === 0) for (const resolve of waiting.splice(0)) resolve();
        });
      },
      sent: () => new Promise((resolve) => (under === 0 ? resolve() : waiting.push(resolve))),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Of so many ports from this one on; any when none of them is free. */
export async function firstFreeSocket(
  port: number,
  listen: (port: number) => Promise<Socket>,
): Promise<Socket> {
  for (let next = port; next < port + unicastPortsMax && next <= 65_535; next += 1) {
    try {
      return await listen(next);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  return listen(0);
}

export function familyOf(address: string): AddressFamily {
  return isIP(address) === 6 ? 6 : 4;
}
