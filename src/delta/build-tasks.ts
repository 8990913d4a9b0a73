// The two kinds of work that building an assignment is made of, as plain functions: the pool runs them in a worker or, when small,
// where it stands.

import { blockHash } from '../assignment/block-layout.ts';
import { sealBlock } from '../assignment/seal.ts';
import { type EncodedFile, encodeFile, type FileToEncode } from './encode-file.ts';

export interface BlocksToSeal {
  /** Null: the blocks travel plain and are only hashed. */
  readonly dataKey: Uint8Array | null;
  /** Index of the first in its region; the others follow. */
  readonly firstIndex: number;
  readonly payloads: readonly Uint8Array[];
}

/** A block as it travels. For plain ones `bytes` is the very payload given. */
export interface FinishedBlock {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export function encodeFiles(files: readonly FileToEncode[]): EncodedFile[] {
  return files.map(encodeFile);
}

export function finishBlocks({ dataKey, firstIndex, payloads }: BlocksToSeal): FinishedBlock[] {
  return payloads.map((payload, i) => {
    const bytes = dataKey === null ? payload : sealBlock(dataKey, firstIndex + i, payload);
    return { bytes, hash: blockHash(bytes) };
  });
}
