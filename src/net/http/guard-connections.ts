// How many connections one address may hold open on a server: one client, however many sockets it opens, must not take the places of all others.
// Connections of this machine are not counted (a proxy before the CCM), nor those whose owner has shown who it is.

import type { Server, Socket } from 'node:net';
import { isThisMachine, networkOf } from './network-of.ts';

export interface ConnectionGuard {
  /** Its owner is known: the connection counts no more. */
  admitted(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): void;
  /** Cuts every connection, also those that have not come to their first request: no server knows them yet. */
  cutAll(): void;
}

/** Connections above the limit are cut without an answer. */
export function guardConnections(server: Server, perAddressMax: number): ConnectionGuard {
  const counts = new Map<string, number>();
  const counted = new Set<string>();
  const open = new Set<Socket>();

  function forget(key: string, network: string): void {
    if (!counted.delete(key)) return;
    const left = (counts.get(network) ?? 1) - 1;
    if (left === 0) counts.delete(network);
    else counts.set(network, left);
  }

  // Before a TLS server takes the socket over.
  server.prependListener('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (isThisMachine(remoteAddress)) return;
    const network = networkOf(remoteAddress);
    const count = counts.get(network) ?? 0;
    if (count >= perAddressMax) {
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    counts.set(network, count + 1);
    counted.add(key);
    socket.once('close', () => forget(key, network));
  });
  return {
    admitted: (socket) => forget(keyOf(socket), networkOf(socket.remoteAddress)),
    cutAll() {
      for (const socket of open) socket.destroy();
    },
  };
}

function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
