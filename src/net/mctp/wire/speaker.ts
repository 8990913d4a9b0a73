// Makes the datagrams of a session that are no frames; each has a number, so that none counts twice.

import { frameHeaderBytes } from '../../../protocol/mctp/mctp-session.ts';
import type { FrameMac } from '../mac/frame-mac.ts';
import { type DatagramKind, writeHeader } from './datagram-header.ts';

export interface Speaker {
  /** `receiver`: whose number, or 0 to all. */
  say(kind: DatagramKind, receiver: number, payload: Uint8Array, mac: FrameMac): Buffer;
  /** Of what was said last. */
  number(): number;
}

export function createSpeaker(session: number): Speaker {
  let number = 0;
  return {
    number: () => number,
    say(kind, receiver, payload, mac) {
      number += 1;
      const datagram = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
      const fields = { kind, isLast: false, block: receiver, sequence: 0, pass: 0, number };
      writeHeader(datagram, session, fields, payload.length);
      datagram.set(payload, frameHeaderBytes);
      mac.sign(datagram.subarray(0, frameHeaderBytes), datagram.subarray(frameHeaderBytes));
      return datagram;
    },
  };
}
