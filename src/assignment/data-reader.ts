// Reads payloads out of a data file: unseals the blocks they lie in. The blocks were checked against the header when they were
// received; a sealed one is authenticated again by its tag. Decompression is decode-payload.ts's.

import { readSync } from 'node:fs';
import { type AssignmentHeader, blockBytes, type Payload, sealedPayloadBytes } from '../model/assignment.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { blockRange, corruptBlock } from './block-layout.ts';
import type { Region } from './data-encoder.ts';
import { unsealBlock } from './seal.ts';

/** The data file: its bytes, or an open file descriptor (read by position, never closed here). */
export type DataSource = Uint8Array | { readonly fd: number };

export interface DataReader {
  /** The encoded payload, whole; meant for payloads that fit in memory. Throws ASSIGNMENT_BLOCK_CORRUPT. */
  read(payload: Payload): Buffer;
  /** The encoded payload in pieces of at most a block; each piece is valid until the next is asked for. */
  stream(payload: Payload): Generator<Buffer, void, undefined>;
}

/** `dataKey` from `openDataKey`; null when nothing is sealed. The last block of each region is kept, so reading in order unseals each once. */
export function createDataReader(
  header: AssignmentHeader,
  source: DataSource,
  dataKey: Uint8Array | null,
): DataReader {
  const cached: Record<Region, { index: number; payload: Buffer }> = {
    sealed: { index: -1, payload: Buffer.alloc(0) },
    plain: { index: -1, payload: Buffer.alloc(0) },
  };

  const load = (region: Region, indexInRegion: number): Buffer => {
    const cache = cached[region];
    if (cache.index === indexInRegion) return cache.payload;
    const index = region === 'sealed' ? indexInRegion : header.data.sealedBlocks + indexInRegion;
    const { offset, length } = blockRange(header, index);
    const travelled = readRange(source, offset, length);
    if (travelled.length !== length) throw corruptBlock(index, 'the data file ends before it');
    cache.payload = region === 'sealed' ? unsealBlock(requireKey(dataKey), index, travelled) : travelled;
    cache.index = indexInRegion;
    return cache.payload;
  };

  function* stream(payload: Payload): Generator<Buffer, void, undefined> {
    const region = payload.cipher === 'none' ? 'plain' : 'sealed';
    const capacity = region === 'plain' ? blockBytes : sealedPayloadBytes;
    const end = payload.offset + payload.length;
    for (let at = payload.offset; at < end; ) {
      const block = load(region, Math.floor(at / capacity));
      const start = at % capacity;
      const piece = block.subarray(start, Math.min(block.length, start + end - at));
      if (piece.length === 0) throw corruptBlock(Math.floor(at / capacity), 'the payload reaches beyond it');
      at += piece.length;
      yield piece;
    }
  }

  return {
    stream,
    read(payload) {
      const pieces = [...stream(payload)];
      return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, payload.length);
    },
  };
}

function readRange(source: DataSource, offset: number, length: number): Buffer {
  if (source instanceof Uint8Array) {
    return Buffer.from(source.buffer, source.byteOffset, source.byteLength).subarray(offset, offset + length);
  }
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const got = readSync(source.fd, bytes, filled, length - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

function requireKey(dataKey: Uint8Array | null): Uint8Array {
  if (dataKey !== null) return dataKey;
  throw new TreecastError('ASSIGNMENT_KEY_UNKNOWN', 'a sealed payload was asked for without the data key', {
    fix: 'The node needs the current grant of its site; reconnecting to the CCM fetches it.',
  });
}
