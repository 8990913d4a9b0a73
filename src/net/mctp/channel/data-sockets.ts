// MCTP-73: the sockets of a session. A sender has one that is connected to the group, which is the cheapest way to send, and one on which it
// hears statuses; a receiver has one that hears the group, and one from which it answers.

import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { boundSocket, multicastPlace } from '../../segment/channel/bound-socket.ts';
import type { LocalInterface } from '../../segment/channel/local-interfaces.ts';
import { familyOf, firstFreeSocket } from '../../segment/channel/udp-sockets.ts';
import type { SocketAddress } from '../../segment/trust/peer-book.ts';

/** Holds what arrives while the process does something else for a quarter of a second at 250 Mbit/s. */
const receiveBufferBytes = 8 * 1024 * 1024;
const sendBufferBytes = 2 * 1024 * 1024;

export interface DataSocketsOptions {
  readonly interface: LocalInterface;
  readonly group: SocketAddress;
  readonly onDatagram: (bytes: Buffer, source: RemoteInfo) => void;
  /** The sockets are of no use any more. */
  readonly onError: (error: Error) => void;
}

export interface SenderSockets {
  /** Where statuses go. */
  readonly own: SocketAddress;
  /** To the group. The buffer is the system's until `onSent`. */
  send(bytes: Uint8Array | Uint8Array[], onSent: (error: Error | null) => void): void;
  sendTo(bytes: Uint8Array, to: SocketAddress, onSent: (error: Error | null) => void): void;
  close(): void;
}

export interface ReceiverSockets {
  /** What the system gave of eight megabytes. */
  readonly receiveBufferBytes: number;
  sendTo(bytes: Uint8Array, to: SocketAddress, onSent: (error: Error | null) => void): void;
  close(): void;
}

/** Rejects with the system's error. */
export async function openSenderSockets(
  options: DataSocketsOptions & { readonly port: number },
): Promise<SenderSockets> {
  const { interface: local, group } = options;
  const open = createOpener(options);
  try {
    const own = await firstFreeSocket(options.port, (port) => open.listen(false, local.address, port));
    own.on('message', options.onDatagram);
    const out = await open.listen(false, local.address, 0);
    out.setMulticastInterface(open.place);
    out.setMulticastTTL(1);
    out.setMulticastLoopback(true);
    out.connect(group.port, open.zoned(group.address));
    await once(out, 'connect');
    enlarge(() => out.setSendBufferSize(sendBufferBytes));
    enlarge(() => own.setRecvBufferSize(receiveBufferBytes));
    return {
      own: { address: local.address, port: own.address().port },
      send: (bytes, onSent) => out.send(bytes, onSent),
      sendTo: (bytes, to, onSent) => own.send(bytes, to.port, to.address, onSent),
      close: open.close,
    };
  } catch (error) {
    open.close();
    throw error;
  }
}

/** Rejects with the system's error when the group cannot be joined. */
export async function openReceiverSockets(options: DataSocketsOptions): Promise<ReceiverSockets> {
  const { interface: local, group } = options;
  const open = createOpener(options);
  try {
    const hearing = await open.listen(true, open.zoned(group.address), group.port);
    enlarge(() => hearing.setRecvBufferSize(receiveBufferBytes));
    hearing.on('message', options.onDatagram);
    hearing.addMembership(group.address, open.place);
    const own = await open.listen(false, local.address, 0);
    own.on('message', options.onDatagram);
    return {
      // Linux says twice what it lets the bytes take.
      receiveBufferBytes: Math.floor(hearing.getRecvBufferSize() / 2),
      sendTo: (bytes, to, onSent) => own.send(bytes, to.port, to.address, onSent),
      close: open.close,
    };
  } catch (error) {
    open.close();
    throw error;
  }
}

function createOpener({ interface: local, onError }: DataSocketsOptions) {
  const family = familyOf(local.address.split('%')[0] as string);
  const sockets: Socket[] = [];
  return {
    place: multicastPlace(family, local),
    /** Groups of one link mean nothing without it. */
    zoned: (group: string) => (/^ff[0-9a-f][12]:/i.test(group) ? `${group}%${local.name}` : group),
    async listen(reuseAddr: boolean, address: string, port: number): Promise<Socket> {
      const socket = await boundSocket(family, reuseAddr, address, port);
      socket.on('error', onError);
      sockets.push(socket);
      return socket;
    },
    close(): void {
      for (const socket of sockets.splice(0)) socket.close();
    },
  };
}

/** A system that gives less says so by what can be read back; one that refuses leaves what is there. */
function enlarge(set: () => void): void {
  try {
    set();
  } catch {
    return;
  }
}
