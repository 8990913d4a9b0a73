// What every UDP socket of a segment begins with: it is bound, or it is closed; and how an interface is named to the kernel's calls for groups.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressFamily, LocalInterface } from './local-interfaces.ts';

/** Rejects with the system's error when the address cannot be had. */
export async function boundSocket(
  family: AddressFamily,
  reuseAddr: boolean,
  address: string,
  port: number,
): Promise<Socket> {
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', reuseAddr });
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** What setMulticastInterface and addMembership want: an address (IPv4), a zone (IPv6). */
export function multicastPlace(family: AddressFamily, local: LocalInterface): string {
  return family === 4 ? local.address : `::%${local.name}`;
}
