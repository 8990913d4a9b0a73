// What travels between simulated stations of a session, and how long it is on the wire. Content is not carried: whether it is the sender's own says
// all that a hash would.

import type { MctpFrame, MctpMessage } from '../../protocol/mctp/mctp-messages.ts';
import { statusBytes } from '../../protocol/mctp/mctp-messages.ts';

export type SimPacket =
  | {
      readonly kind: 'frame';
      /** Of the session whose key its MAC was made with; 0: of none. */
      readonly key: number;
      readonly frame: MctpFrame;
      /** Payload that the sender sent. */
      readonly isGenuine: boolean;
    }
  | {
      readonly kind: 'message';
      /** Whose MAC or signature it has; a request's is the session's key, which every member has. */
      readonly from: string;
      readonly message: MctpMessage;
    };

/** Ethernet, IPv4 and UDP around a datagram. */
const outerBytes = 14 + 20 + 8;
const headBytes = 24;
const signatureBytes = 64;
/** TCP, TLS and HTTP around what is fetched. */
export const unicastShare = 1.06;

export function messageWireBytes(message: MctpMessage): number {
  return outerBytes + headBytes + bodyBytes(message);
}

export function frameWireBytes(payloadAndHeader: number): number {
  return outerBytes + payloadAndHeader;
}

function bodyBytes(message: MctpMessage): number {
  switch (message.type) {
    case 'status':
      return statusBytes(message);
    case 'status-request': {
      const { asked } = message;
      const nodes = 'missing' in asked ? asked.missing : asked.received;
      return nodes.reduce((sum, node) => sum + node.length + 1, 14);
    }
    case 'digests':
      return 8 + message.digests.length + signatureBytes;
    case 'fetch':
      return 8 * (message.blocks?.length ?? 0);
    case 'end':
      return 0;
  }
}
