// The receivers of a session as its sender knows them: the number and the key of each, whether a status is its own, and where it was said.

import { randomBytes } from 'node:crypto';
import type { MctpStatus } from '../../../protocol/mctp/mctp-messages.ts';
import { frameHeaderBytes } from '../../../protocol/mctp/mctp-session.ts';
import { createDropCounter } from '../../segment/trust/drop-counter.ts';
import type { SocketAddress } from '../../segment/trust/peer-book.ts';
import { createReplayWindow, type ReplayWindow } from '../../segment/trust/replay-window.ts';
import { createFrameMac, type FrameMac, macKeyBytes } from '../mac/frame-mac.ts';
import { datagramKind, emptyHeader, type HeaderFault, readHeader } from '../wire/datagram-header.ts';
import { decodeStatus } from '../wire/message-codec.ts';

type DropReason =
  | HeaderFault
  /** Nobody has this number, or its MAC does not hold. */
  | 'forged'
  | 'replay';

export interface Receiver {
  readonly node: string;
  readonly number: number;
  readonly key: Buffer;
  readonly mac: FrameMac;
  readonly window: ReplayWindow;
  /** Where its last status came from. */
  address: SocketAddress | undefined;
}

export interface ReceiverBook {
  /** With a new key; what was said under the former one counts no longer. */
  add(node: string): Receiver;
  get(node: string): Receiver | undefined;
  /** Undefined: it is not believed. A number: that of the ping which is answered. */
  hear(
    bytes: Buffer,
    source: SocketAddress,
  ): { readonly from: string; readonly said: MctpStatus | number } | undefined;
  dropped(): Readonly<Record<string, number>>;
}

export function createReceiverBook(session: number): ReceiverBook {
  const drops = createDropCounter<DropReason>();
  const byNode = new Map<string, Receiver>();
  const byNumber: Receiver[] = [];
  const header = emptyHeader();

  return {
    add(node) {
      const number = byNode.get(node)?.number ?? byNumber.length;
      const key = randomBytes(macKeyBytes);
      const window = createReplayWindow({ floor: 0, newest: 0 });
      const receiver = { node, number, key, mac: createFrameMac(key), window, address: undefined };
      byNode.set(node, receiver);
      byNumber[number] = receiver;
      return receiver;
    },
    get: (node) => byNode.get(node),
    hear(bytes, { address, port }) {
      const drop = (reason: DropReason): undefined => {
        drops.count(reason);
        return undefined;
      };
      const fault = readHeader(bytes, session, header);
      if (fault !== undefined) return drop(fault);
      const isPong = header.kind === datagramKind.pong;
      if (header.kind !== datagramKind.status && !isPong) return drop('malformed');
      const receiver = byNumber[header.block];
      if (receiver === undefined || !receiver.mac.verify(bytes, frameHeaderBytes)) return drop('forged');
      if (!receiver.window.take(header.number)) return drop('replay');
      const payload = bytes.subarray(frameHeaderBytes);
      const said = isPong ? decodePong(payload) : decodeStatus(payload, session);
      if (said === undefined) return drop('malformed');
      receiver.address = { address, port };
      return { from: receiver.node, said };
    },
    dropped: drops.counts,
  };
}

function decodePong(payload: Buffer): number | undefined {
  return payload.length === 4 ? payload.readUInt32BE(0) : undefined;
}
