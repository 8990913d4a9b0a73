// MCTP-72: the 28 bytes before everything that a session sends, and what of them is wrong. The receiver reads one for each frame, so nothing is
// allocated here. Whether the MAC, its last 8 bytes, holds is not looked at.

import { frameHeaderBytes } from '../../../protocol/mctp/mctp-session.ts';

/** Numbers are never used for something else. */
export const datagramKind = {
  frame: 1,
  request: 2,
  digests: 3,
  fetch: 4,
  end: 5,
  status: 6,
  /** Without a payload, to the group, for one receiver. */
  ping: 7,
  /** The number of the ping that it answers. */
  pong: 8,
} as const;

export type DatagramKind = (typeof datagramKind)[keyof typeof datagramKind];

const kindMax = 8;
/** `TM` and the version. */
const magic = 0x54_4d_01;

/** Of a frame; in other datagrams `block` is the receiver's number, `number` counts what the sender of the datagram has said, and the rest is 0. */
export interface DatagramHeader {
  kind: DatagramKind;
  isLast: boolean;
  block: number;
  sequence: number;
  pass: number;
  number: number;
}

export function emptyHeader(): DatagramHeader {
  return { kind: datagramKind.frame, isLast: false, block: 0, sequence: 0, pass: 0, number: 0 };
}

/** Everything but the MAC. */
export function writeHeader(
  into: Buffer,
  session: number,
  { kind, isLast, block, sequence, pass, number }: DatagramHeader,
  payloadBytes: number,
): void {
  into.writeUInt32BE(((magic << 8) | (kind << 4) | (isLast ? 1 : 0)) >>> 0, 0);
  into.writeUInt32BE(session, 4);
  into.writeUInt32BE(block, 8);
  into[12] = sequence;
  into[13] = pass;
  into.writeUInt16BE(payloadBytes, 14);
  into.writeUInt32BE(number, 16);
}

export type HeaderFault = 'garbage' | 'version' | 'malformed' | 'other-session';

/** Fills `into`. Undefined: it is a header of this session; what it says may still be forged. */
export function readHeader(bytes: Buffer, session: number, into: DatagramHeader): HeaderFault | undefined {
  const { length } = bytes;
  if (length < frameHeaderBytes) return 'garbage';
  const word = bytes.readUInt32BE(0);
  if (word >>> 8 !== magic) return word >>> 16 === magic >>> 8 ? 'version' : 'garbage';
  if (bytes.readUInt32BE(4) !== session) return 'other-session';
  const kind = (word >>> 4) & 15;
  const flags = word & 15;
  if (kind === 0 || kind > kindMax || flags > 1) return 'malformed';
  if (bytes.readUInt16BE(14) !== length - frameHeaderBytes) return 'malformed';
  into.kind = kind as DatagramKind;
  into.isLast = flags === 1;
  into.block = bytes.readUInt32BE(8);
  into.sequence = bytes[12] as number;
  into.pass = bytes[13] as number;
  into.number = bytes.readUInt32BE(16);
  return undefined;
}
