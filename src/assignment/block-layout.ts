// Where blocks lie in the data file and how long each is (ASG-20 to ASG-23): sealed blocks first, then plain ones;
// in each region all are full but the last. Everything follows from the two payload sizes in the header.

import { hash } from 'node:crypto';
import { type AssignmentHeader, blockBytes, sealedPayloadBytes } from '../model/assignment.ts';
import { TreecastError } from '../model/treecast-error.ts';

export const hashBytes = 32;
export const tagBytes = 16;

type DataFacts = AssignmentHeader['data'];

export interface BlockRange {
  /** In bytes, in the data file. */
  readonly offset: number;
  readonly length: number;
}

export function sealedBlockCount(payloadBytes: number): number {
  return Math.ceil(payloadBytes / sealedPayloadBytes);
}

export function plainBlockCount(payloadBytes: number): number {
  return Math.ceil(payloadBytes / blockBytes);
}

/** Blocks of the data file, both regions. */
export function blockCount(header: { readonly data: DataFacts }): number {
  return header.data.sealedBlocks + plainBlockCount(header.data.plainPayloadBytes);
}

/** Bytes of the sealed region as it travels: the plain region starts there. */
export function sealedRegionBytes(data: DataFacts): number {
  return data.sealedPayloadBytes + data.sealedBlocks * tagBytes;
}

/** Where block `index` travels. `index` must be below {@link blockCount}. */
export function blockRange(header: { readonly data: DataFacts }, index: number): BlockRange {
  const { data } = header;
  if (index < data.sealedBlocks) {
    const offset = index * blockBytes;
    return { offset, length: Math.min(blockBytes, sealedRegionBytes(data) - offset) };
  }
  const offset = sealedRegionBytes(data) + (index - data.sealedBlocks) * blockBytes;
  return { offset, length: Math.min(blockBytes, data.bytes - offset) };
}

/** The block in which a byte of the data file lies. `offset` must be below `data.bytes`. */
export function blockAt(header: { readonly data: DataFacts }, offset: number): number {
  const { data } = header;
  const plainOffset = offset - sealedRegionBytes(data);
  return plainOffset < 0
    ? Math.floor(offset / blockBytes)
    : data.sealedBlocks + Math.floor(plainOffset / blockBytes);
}

/**
 * Checks a block as it travels, sealed or plain, against the signed header; needs no key.
 * Throws ASSIGNMENT_BLOCK_CORRUPT.
 */
export function verifyBlock(header: { readonly data: DataFacts }, index: number, bytes: Uint8Array): void {
  if (!Number.isInteger(index) || index < 0 || index >= blockCount(header)) {
    throw corruptBlock(index, 'the assignment has no such block');
  }
  const { length } = blockRange(header, index);
  if (bytes.length !== length) throw corruptBlock(index, `it has ${bytes.length} bytes, not ${length}`);
  if (!blockHash(bytes).equals(expectedHash(header.data, index)))
    throw corruptBlock(index, 'its hash is not the signed one');
}

export function blockHash(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

export function corruptBlock(index: number, what: string): TreecastError {
  return new TreecastError('ASSIGNMENT_BLOCK_CORRUPT', `block ${index} is refused: ${what}`, {
    fix: 'The block is fetched again, from another source when there is one.',
    data: { block: index },
  });
}

/** 32 bytes are not a whole number of base64 groups: decode the groups around them, so that no call decodes the whole list. */
function expectedHash(data: DataFacts, index: number): Buffer {
  const start = index * hashBytes;
  const group = Math.floor(start / 3);
  const groupEnd = Math.ceil((start + hashBytes) / 3);
  const bytes = Buffer.from(data.hashes.slice(group * 4, groupEnd * 4), 'base64');
  return bytes.subarray(start - group * 3, start - group * 3 + hashBytes);
}
