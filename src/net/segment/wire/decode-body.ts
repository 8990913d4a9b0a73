// The bytes of a body back to its message, every bound checked. Throws Malformed; decodeDatagram catches it.

import { isIP } from 'node:net';
import type {
  ControlChannel,
  ListedMember,
  MemberDescription,
  MemberOffer,
  SegmentMove,
} from '../../../model/segment.ts';
import { namePattern } from '../../../model/site.ts';
import { type ByteReader, createByteReader, Malformed } from './byte-reader.ts';
import { transportCodes } from './encode-body.ts';
import type { SegmentMessage, SegmentMessageType } from './segment-message.ts';
import {
  addressPattern,
  capabilitiesMax,
  capabilityPattern,
  certificateBytesMax,
  fingerprintBytes,
  nonceBytes,
  probeBytesMax,
  probesMax,
  segmentBytes,
} from './wire-limits.ts';

type Decoders = {
  readonly [Type in SegmentMessageType]: (
    reader: ByteReader,
  ) => Omit<Extract<SegmentMessage, { readonly type: Type }>, 'type'>;
};

const decoders: Decoders = {
  'leader-alive': (reader) => ({
    term: reader.u48(),
    priority: reader.f64(),
    accepted: reader.boolean(),
    list: reader.u48(),
    revocations: reader.u48(),
    move: reader.boolean() ? decodeMove(reader) : null,
  }),
  'leader-claim': (reader) => ({
    term: reader.u48(),
    priority: reader.f64(),
    accepted: reader.boolean(),
  }),
  register: (reader) => ({
    term: reader.u48(),
    leader: reader.text(namePattern),
    nonce: reader.u64(),
    ...decodeDescription(reader),
  }),
  'member-list'(reader) {
    const head = { term: reader.u48(), list: reader.u48(), part: reader.u16(), parts: reader.u16() };
    if (head.part >= head.parts) throw new Malformed('a part is none of its list');
    return { ...head, members: many(reader.u8(), () => decodeListed(reader)) };
  },
  here: (reader) => ({ term: reader.u48(), list: reader.u48(), offer: decodeOffer(reader) }),
  solicit: (reader) => ({
    term: reader.u48(),
    nodes: many(reader.u8(), () => reader.text(namePattern)),
  }),
  leave: (reader) => ({ term: reader.u48() }),
  concede: (reader) => ({ term: reader.u48() }),
  'newer-term': (reader) => ({ term: reader.u48() }),
  resign: (reader) => ({ term: reader.u48() }),
  'certificate-wanted': (reader) => ({
    wanted: reader.bytes(fingerprintBytes).toString('hex'),
    nonce: decodeNonce(reader),
    certificate: decodeCertificate(reader),
  }),
  certificate: (reader) => ({
    nonce: decodeNonce(reader),
    since: reader.u48(),
    certificate: decodeCertificate(reader),
  }),
  probe(reader) {
    const head = {
      nonce: decodeNonce(reader),
      sequence: reader.u8(),
      oneIn: reader.u16(),
      paddingBytes: reader.u16(),
    };
    if (head.sequence >= probesMax || head.oneIn === 0 || head.paddingBytes > probeBytesMax) {
      throw new Malformed('a probe is out of bounds');
    }
    if (reader.bytes(head.paddingBytes).some((byte) => byte !== 0))
      throw new Malformed('padding says something');
    return head;
  },
  'probe-answer': (reader) => ({
    nonce: decodeNonce(reader),
    heardByGroup: reader.u32(),
    heardAlone: reader.u32(),
  }),
  present: () => ({}),
  burst(reader) {
    const burst = { nonce: decodeNonce(reader), round: reader.u16(), oneIn: reader.u16() };
    if (burst.oneIn === 0) throw new Malformed('a test is for nobody');
    return burst;
  },
  'burst-answer': (reader) => ({
    nonce: decodeNonce(reader),
    round: reader.u16(),
    heard: reader.u32(),
    dropped: reader.u32(),
    receiveBufferBytes: reader.u32(),
    bytesPerSecondMax: reader.u48(),
  }),
  decision: (reader) => ({ text: Buffer.from(reader.bytes(reader.u16())) }),
};

export function decodeBody(type: SegmentMessageType, body: Buffer): SegmentMessage {
  const reader = createByteReader(body);
  const fields = decoders[type](reader);
  reader.end();
  return { type, ...fields } as SegmentMessage;
}

function many<Item>(count: number, decode: () => Item): Item[] {
  return Array.from({ length: count }, decode);
}

function decodeNonce(reader: ByteReader): string {
  return reader.bytes(nonceBytes).toString('hex');
}

function decodeCertificate(reader: ByteReader): Buffer {
  const length = reader.u16();
  if (length === 0 || length > certificateBytesMax) throw new Malformed('a certificate is too long');
  return Buffer.from(reader.bytes(length));
}

function decodeAddress(reader: ByteReader): string {
  const address = reader.text(addressPattern);
  if (isIP(address) === 0) throw new Malformed('an address is none');
  return address;
}

function decodePort(reader: ByteReader): number {
  const port = reader.u16();
  if (port === 0) throw new Malformed('a port is none');
  return port;
}

function decodeListed(reader: ByteReader): ListedMember {
  return {
    node: reader.text(namePattern),
    address: decodeAddress(reader),
    port: decodePort(reader),
    nonce: reader.u64(),
    online: reader.boolean(),
  };
}

function decodeDescription(reader: ByteReader): MemberDescription {
  const address = decodeAddress(reader);
  const port = decodePort(reader);
  const count = reader.u8();
  if (count > capabilitiesMax) throw new Malformed('it has too many capabilities');
  return {
    address,
    port,
    capabilities: many(count, () => reader.text(capabilityPattern)),
    offer: decodeOffer(reader),
  };
}

function decodeOffer(reader: ByteReader): MemberOffer {
  return { maintenance: reader.boolean(), freeBytes: reader.u64(), load: reader.u32() };
}

function decodeMove(reader: ByteReader): SegmentMove & { readonly afterMs: number } {
  return {
    segment: reader.bytes(segmentBytes).toString('hex'),
    channel: decodeChannel(reader),
    afterMs: reader.u32(),
  };
}

function decodeChannel(reader: ByteReader): ControlChannel {
  const code = reader.u8();
  const group = reader.text(/^[0-9a-f.:]{0,45}$/);
  const port = decodePort(reader);
  if (code === transportCodes.unicast && group === '') return { transport: 'unicast', group: null, port };
  if (code === transportCodes.multicast && isMulticastGroup(group))
    return { transport: 'multicast', group, port };
  throw new Malformed('a channel is none');
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticastGroup(address: string): boolean {
  const family = isIP(address);
  return family === 4 ? /^(?:22[4-9]|23\d)\./.test(address) : family === 6 && /^ff[0-9a-f]{2}:/.test(address);
}
