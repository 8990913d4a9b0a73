// What stands around a body: who speaks, in which segment and life, to whom, and the signature over all of it (CHAN-1). Says whether bytes
// are a datagram of this version; whether they are to be believed is the authenticator's.

import { hash } from 'node:crypto';
import { createByteReader, Malformed } from './byte-reader.ts';
import { decodeBody } from './decode-body.ts';
import { encodeBody } from './encode-body.ts';
import { messageCodes, messageTypeOf } from './message-codes.ts';
import type { SegmentMessage, SegmentMessageType } from './segment-message.ts';
import {
  datagramBytesMax,
  fingerprintBytes,
  probeBytesMax,
  segmentBytes,
  signatureBytes,
} from './wire-limits.ts';

/** To everybody, to the node of that name, or to whoever is reached at an address whose name is not known. */
export type Addressee = 'group' | 'anyone' | { readonly node: string };

export interface Envelope {
  /** 32 hex digits. */
  readonly segment: string;
  /** Of the sender's certificate, 64 hex digits. */
  readonly fingerprint: string;
  readonly boot: number;
  readonly counter: number;
  /** The sender does not hear the group: it wants its messages each by itself. */
  readonly wantsUnicast: boolean;
}

export interface OpenedDatagram extends Envelope {
  readonly type: SegmentMessageType;
  readonly to: 'group' | 'anyone' | 'node';
  /** Eight bytes in hex: compare with `addresseeMark`. */
  readonly mark: string;
  readonly signed: Buffer;
  readonly signature: Buffer;
  /** Reads the body; undefined when it is malformed. Only asked once the signature holds. */
  message(): SegmentMessage | undefined;
}

/** Why bytes are no datagram of ours. */
export type FormatTrouble = 'garbage' | 'version' | 'malformed';

export const wireVersion = 1;
const magic = Buffer.from('TcS');
const headerBytes = magic.length + 3 + segmentBytes + fingerprintBytes + 8 + 4 + 6;
/** So that a signature is never one of something else that the key signs. */
const signedPrefix = Buffer.from('treecast-segment-1\0');
const groupMark = '0'.repeat(16);
const anyoneMark = 'f'.repeat(16);

/** What a datagram to one node carries of its name. */
export function addresseeMark(node: string): string {
  return hash('sha256', `treecast-node:${node}`).slice(0, 16);
}

/** Throws RangeError for what no datagram can carry. `sign` is given the bytes that the signature is over. */
export function encodeDatagram(
  envelope: Envelope,
  to: Addressee,
  message: SegmentMessage,
  sign: (bytes: Buffer) => Uint8Array,
): Buffer {
  const body = encodeBody(message);
  const datagram = Buffer.alloc(headerBytes + body.length + signatureBytes);
  if (datagram.length > (message.type === 'probe' ? probeBytesMax : datagramBytesMax)) {
    throw new RangeError(`a ${message.type} of ${datagram.length} bytes does not fit a datagram`);
  }
  const mark = to === 'group' ? groupMark : to === 'anyone' ? anyoneMark : addresseeMark(to.node);
  let at = magic.copy(datagram);
  at = datagram.writeUInt8(wireVersion, at);
  at = datagram.writeUInt8(messageCodes[message.type], at);
  at = datagram.writeUInt8(envelope.wantsUnicast ? 1 : 0, at);
  at += datagram.write(envelope.segment, at, segmentBytes, 'hex');
  at += datagram.write(envelope.fingerprint, at, fingerprintBytes, 'hex');
  at += datagram.write(mark, at, 8, 'hex');
  at = datagram.writeUInt32BE(envelope.boot, at);
  at = datagram.writeUIntBE(envelope.counter, at, 6);
  at += body.copy(datagram, at);
  datagram.set(sign(signedBytes(datagram.subarray(0, at))), at);
  return datagram;
}

/** Never throws. */
export function decodeDatagram(bytes: Buffer): OpenedDatagram | FormatTrouble {
  if (bytes.length < 4 || bytes.length > probeBytesMax || !bytes.subarray(0, 3).equals(magic))
    return 'garbage';
  if (bytes[3] !== wireVersion) return 'version';
  if (bytes.length < headerBytes + signatureBytes) return 'malformed';
  const reader = createByteReader(bytes.subarray(4, headerBytes));
  const type = messageTypeOf(reader.u8());
  const flags = reader.u8();
  if (type === undefined || flags > 1) return 'malformed';
  const segment = reader.bytes(segmentBytes).toString('hex');
  const fingerprint = reader.bytes(fingerprintBytes).toString('hex');
  const mark = reader.bytes(8).toString('hex');
  const end = bytes.length - signatureBytes;
  return {
    type,
    segment,
    fingerprint,
    boot: reader.u32(),
    counter: reader.u48(),
    wantsUnicast: flags === 1,
    to: mark === groupMark ? 'group' : mark === anyoneMark ? 'anyone' : 'node',
    mark,
    signed: signedBytes(bytes.subarray(0, end)),
    signature: bytes.subarray(end),
    message() {
      if (bytes.length > datagramBytesMax && type !== 'probe') return undefined;
      try {
        return decodeBody(type, bytes.subarray(headerBytes, end));
      } catch (error) {
        if (error instanceof Malformed) return undefined;
        throw error;
      }
    },
  };
}

function signedBytes(bytes: Buffer): Buffer {
  return Buffer.concat([signedPrefix, bytes]);
}

/** Room for a body. */
export const bodyBytesMax = datagramBytesMax - headerBytes - signatureBytes;
/** What a datagram has besides its body. */
export const envelopeBytes = headerBytes + signatureBytes;
