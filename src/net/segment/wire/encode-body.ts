// The body of each message as bytes. What stands before and behind it is envelope.ts's.

import type { ControlChannel, ListedMember, MemberDescription, MemberOffer } from '../../../model/segment.ts';
import { type ByteWriter, createByteWriter } from './byte-writer.ts';
import type { SegmentMessage, SegmentMessageType } from './segment-message.ts';
import { probeBytesMax } from './wire-limits.ts';

type Encoders = {
  readonly [Type in SegmentMessageType]: (
    writer: ByteWriter,
    message: Extract<SegmentMessage, { readonly type: Type }>,
  ) => void;
};

export const transportCodes = { multicast: 1, unicast: 2 } as const;

const encoders: Encoders = {
  'leader-alive'(writer, { term, priority, accepted, list, revocations, move }) {
    writer.u48(term);
    writer.f64(priority);
    writer.boolean(accepted);
    writer.u48(list);
    writer.u48(revocations);
    writer.boolean(move !== null);
    if (move === null) return;
    writer.bytes(Buffer.from(move.segment, 'hex'));
    encodeChannel(writer, move.channel);
    writer.u32(move.afterMs);
  },
  'leader-claim'(writer, { term, priority, accepted }) {
    writer.u48(term);
    writer.f64(priority);
    writer.boolean(accepted);
  },
  register(writer, { term, leader, nonce, ...description }) {
    writer.u48(term);
    writer.text(leader);
    writer.u64(nonce);
    encodeDescription(writer, description);
  },
  'member-list'(writer, { term, list, part, parts, members }) {
    writer.u48(term);
    writer.u48(list);
    writer.u16(part);
    writer.u16(parts);
    writer.u8(members.length);
    for (const member of members) encodeListed(writer, member);
  },
  here(writer, { term, list, offer }) {
    writer.u48(term);
    writer.u48(list);
    encodeOffer(writer, offer);
  },
  solicit(writer, { term, nodes }) {
    writer.u48(term);
    writer.u8(nodes.length);
    for (const node of nodes) writer.text(node);
  },
  leave: (writer, { term }) => writer.u48(term),
  concede: (writer, { term }) => writer.u48(term),
  'newer-term': (writer, { term }) => writer.u48(term),
  resign: (writer, { term }) => writer.u48(term),
  'certificate-wanted'(writer, { wanted, nonce, certificate }) {
    writer.bytes(Buffer.from(wanted, 'hex'));
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u16(certificate.length);
    writer.bytes(certificate);
  },
  certificate(writer, { nonce, since, certificate }) {
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u48(since);
    writer.u16(certificate.length);
    writer.bytes(certificate);
  },
  probe(writer, { nonce, sequence, oneIn, paddingBytes }) {
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u8(sequence);
    writer.u16(oneIn);
    writer.u16(paddingBytes);
    writer.bytes(Buffer.alloc(paddingBytes));
  },
  'probe-answer'(writer, { nonce, heardByGroup, heardAlone }) {
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u32(heardByGroup);
    writer.u32(heardAlone);
  },
  present: () => undefined,
  burst(writer, { nonce, round, oneIn }) {
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u16(round);
    writer.u16(oneIn);
  },
  'burst-answer'(writer, { nonce, round, heard, dropped, receiveBufferBytes, bytesPerSecondMax }) {
    writer.bytes(Buffer.from(nonce, 'hex'));
    writer.u16(round);
    writer.u32(heard);
    writer.u32(dropped);
    writer.u32(receiveBufferBytes);
    writer.u48(bytesPerSecondMax);
  },
  decision(writer, { text }) {
    writer.u16(text.length);
    writer.bytes(text);
  },
};

/** Throws RangeError for a message that no datagram can carry; lists are split before (split-message.ts). */
export function encodeBody(message: SegmentMessage): Buffer {
  const writer = createByteWriter(probeBytesMax);
  encoders[message.type](writer, message as never);
  return writer.result();
}

export function encodeListed(writer: ByteWriter, member: ListedMember): void {
  writer.text(member.node);
  writer.text(member.address);
  writer.u16(member.port);
  writer.u64(member.nonce);
  writer.boolean(member.online);
}

function encodeDescription(writer: ByteWriter, description: MemberDescription): void {
  writer.text(description.address);
  writer.u16(description.port);
  writer.u8(description.capabilities.length);
  for (const capability of description.capabilities) writer.text(capability);
  encodeOffer(writer, description.offer);
}

function encodeOffer(writer: ByteWriter, { maintenance, freeBytes, load }: MemberOffer): void {
  writer.boolean(maintenance);
  writer.u64(freeBytes);
  writer.u32(load);
}

function encodeChannel(writer: ByteWriter, channel: ControlChannel): void {
  writer.u8(transportCodes[channel.transport]);
  writer.text(channel.group ?? '');
  writer.u16(channel.port);
}
