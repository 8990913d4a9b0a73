// MCTP-75: what sender and receivers tell each other beside frames, as the payload of a datagram. Session and kind are in its header. What does not
// fit any of the messages decodes to undefined; nothing that arrives throws.

import {
  type BlockMissing,
  type BlockRange,
  frameDigestBytes,
  type MctpDigests,
  type MctpFetch,
  type MctpStatus,
  type MctpStatusRequest,
  statusBytesMax,
} from '../../../protocol/mctp/mctp-messages.ts';
import type { Asked } from '../../../protocol/reports/report-message.ts';
import { type ByteReader, createByteReader, Malformed } from '../../segment/wire/byte-reader.ts';
import { type ByteWriter, createByteWriter } from '../../segment/wire/byte-writer.ts';
import { signatureBytes } from '../../segment/wire/wire-limits.ts';

/** A request may name many nodes; others are shorter by far. */
const payloadBytesMax = 60_000;
const states = ['receiving', 'complete', 'failed', 'gone'] as const;
const anyText = /^/;

export function encodeStatus(status: MctpStatus): Buffer {
  const writer = createByteWriter(payloadBytesMax);
  writer.u32(status.round);
  writer.u8(states.indexOf(status.state));
  writer.text(status.reason);
  writer.u32(status.asOf);
  writer.u32(status.heard);
  const named = status.missing.filter(({ frames }) => frames !== null);
  const counted = status.missing.filter(({ frames }) => frames === null);
  writer.u16(named.length);
  for (const { block, lacks, frames } of named) {
    writer.u32(block);
    writer.u8(lacks);
    writer.u8((frames as Uint8Array).length);
    writer.bytes(frames as Uint8Array);
  }
  writer.u16(counted.length);
  for (const { block, lacks } of counted) {
    writer.u32(block);
    writer.u8(lacks);
  }
  writeRanges(writer, status.absent);
  writer.u16(status.forged.length);
  for (const block of status.forged) writer.u32(block);
  return writer.result();
}

export function decodeStatus(payload: Buffer, session: number): MctpStatus | undefined {
  if (payload.length > statusBytesMax) return undefined;
  return decoded(payload, (reader) => {
    const round = reader.u32();
    const state = states[reader.u8()];
    if (state === undefined) throw new Malformed('a state is none');
    const reason = reader.text(anyText);
    const asOf = reader.u32();
    const heard = reader.u32();
    const named = many(
      reader,
      (): BlockMissing => ({
        block: reader.u32(),
        lacks: reader.u8(),
        // A copy: what was received is let go of.
        frames: Uint8Array.from(reader.bytes(reader.u8())),
      }),
    );
    const counted = many(
      reader,
      (): BlockMissing => ({
        block: reader.u32(),
        lacks: reader.u8(),
        frames: null,
      }),
    );
    const absent = readRanges(reader);
    const forged = many(reader, () => reader.u32());
    const missing = [...named, ...counted];
    return { type: 'status', session, round, state, reason, asOf, heard, missing, absent, forged };
  });
}

export function encodeRequest({ round, asked, spreadMs, number, upTo }: MctpStatusRequest): Buffer {
  const writer = createByteWriter(payloadBytesMax);
  writer.u32(round);
  writer.u32(Math.round(spreadMs));
  writer.u32(number);
  writer.u32(upTo);
  const isMissing = 'missing' in asked;
  writer.boolean(isMissing);
  const names = isMissing ? asked.missing : asked.received;
  writer.u16(names.length);
  for (const name of names) writer.text(name);
  if (!isMissing) {
    writer.text(asked.after ?? '');
    writer.text(asked.upTo ?? '');
  }
  return writer.result();
}

export function decodeRequest(payload: Buffer, session: number): MctpStatusRequest | undefined {
  return decoded(payload, (reader) => {
    const head = { round: reader.u32(), spreadMs: reader.u32(), number: reader.u32(), upTo: reader.u32() };
    const isMissing = reader.boolean();
    const names = many(reader, () => reader.text(anyText));
    const bound = (): string | null => reader.text(anyText) || null;
    const asked: Asked = isMissing ? { missing: names } : { received: names, after: bound(), upTo: bound() };
    return { type: 'status-request', session, ...head, asked };
  });
}

export function encodeFetch({ blocks }: MctpFetch): Buffer {
  const writer = createByteWriter(payloadBytesMax);
  writer.boolean(blocks !== null);
  writeRanges(writer, blocks ?? []);
  return writer.result();
}

export function decodeFetch(payload: Buffer, session: number): MctpFetch | undefined {
  return decoded(payload, (reader) => {
    const isSome = reader.boolean();
    const blocks = readRanges(reader);
    if (!isSome && blocks.length > 0) throw new Malformed('blocks, and all of them');
    return { type: 'fetch', session, blocks: isSome ? blocks : null };
  });
}

/** The digests as they are, and the signature behind them. */
export function encodeDigests({ block, first, digests }: MctpDigests, signature: Uint8Array): Buffer {
  const writer = createByteWriter(payloadBytesMax);
  writer.u32(block);
  writer.u8(first);
  writer.u8(digests.length / frameDigestBytes);
  writer.bytes(digests);
  writer.bytes(signature);
  return writer.result();
}

export function decodeDigests(
  payload: Buffer,
  session: number,
): { readonly message: MctpDigests; readonly signature: Buffer } | undefined {
  return decoded(payload, (reader) => {
    const block = reader.u32();
    const first = reader.u8();
    const digests = reader.bytes(reader.u8() * frameDigestBytes);
    if (digests.length === 0) throw new Malformed('a list is empty');
    const signature = reader.bytes(signatureBytes);
    return { message: { type: 'digests', session, block, first, digests }, signature };
  });
}

function decoded<T>(payload: Buffer, read: (reader: ByteReader) => T): T | undefined {
  try {
    const reader = createByteReader(payload);
    const message = read(reader);
    reader.end();
    return message;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function many<T>(reader: ByteReader, read: () => T): T[] {
  return Array.from({ length: reader.u16() }, read);
}

function writeRanges(writer: ByteWriter, ranges: readonly BlockRange[]): void {
  writer.u16(ranges.length);
  for (const { from, to } of ranges) {
    writer.u32(from);
    writer.u32(to);
  }
}

function readRanges(reader: ByteReader): BlockRange[] {
  return many(reader, () => {
    const range = { from: reader.u32(), to: reader.u32() };
    if (range.from >= range.to) throw new Malformed('a range is empty');
    return range;
  });
}
