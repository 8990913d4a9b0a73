// What goes over the control channel: the machines' messages (src/model/segment.ts) and those by which the drivers get to know and
// test each other. The drivers' own never reach a machine.

import type { ControlMessage } from '../../../model/segment.ts';

/** Messages between drivers. Nonces are 16 hex digits. */
export type DriverMessage =
  /** I do not know you, or not in this life of yours: show your certificate, with this nonce. The sender's own is here. */
  | {
      readonly type: 'certificate-wanted';
      /** Fingerprint of the one that is asked for, 64 hex digits. */
      readonly wanted: string;
      readonly nonce: string;
      /** DER. */
      readonly certificate: Uint8Array;
    }
  /** The answer. What the sender sent with a counter above `since` is at most some seconds old. */
  | {
      readonly type: 'certificate';
      readonly nonce: string;
      readonly since: number;
      readonly certificate: Uint8Array;
    }
  /** One of a series; `paddingBytes` zeros make it long, to find what size gets through. */
  | {
      readonly type: 'probe';
      readonly nonce: string;
      /** From 0. */
      readonly sequence: number;
      /** Among many, one in so many answers. */
      readonly oneIn: number;
      readonly paddingBytes: number;
    }
  /** To the prober, and to the group, so that both ways are known. Bit n: number n of the series was heard. */
  | {
      readonly type: 'probe-answer';
      readonly nonce: string;
      readonly heardByGroup: number;
      readonly heardAlone: number;
    }
  /** The sender is there, and takes the group's messages as its flags say. */
  | { readonly type: 'present' }
  /** From a leader: a decision that its members are given over their connections as well (LEAD-61), as JSON. */
  | { readonly type: 'decision'; readonly text: Uint8Array }
  /** The sender tests what the network carries, and asks what of it was heard so far: hear its data channel, and answer. */
  | {
      readonly type: 'burst';
      readonly nonce: string;
      /** From 1; another number is another question. */
      readonly round: number;
      /** Among many, one in so many answers. */
      readonly oneIn: number;
    }
  /** To the tester alone. */
  | {
      readonly type: 'burst-answer';
      readonly nonce: string;
      readonly round: number;
      /** Datagrams of the test, since its first question. */
      readonly heard: number;
      /** Datagrams that the machine dropped meanwhile for want of room. */
      readonly dropped: number;
      readonly receiveBufferBytes: number;
      /** What the segment's leader may send by multicast, if this node knows; 0: nothing is known. */
      readonly bytesPerSecondMax: number;
    };

export type SegmentMessage = ControlMessage | DriverMessage;

export type SegmentMessageType = SegmentMessage['type'];

const driverTypes: ReadonlySet<string> = new Set<DriverMessage['type']>([
  'certificate-wanted',
  'certificate',
  'probe',
  'probe-answer',
  'present',
  'decision',
  'burst',
  'burst-answer',
]);

export function isDriverMessage(message: SegmentMessage): message is DriverMessage {
  return driverTypes.has(message.type);
}
