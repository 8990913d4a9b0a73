// The worker's side of the build pool: unpacks a job, does it, packs what changed. Bytes that the caller still has do not travel back.

import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { Codec } from '../model/assignment.ts';
import type { CompressionChoice } from '../model/site.ts';
import { encodeFiles, finishBlocks } from './build-tasks.ts';
import type { FileToEncode } from './encode-file.ts';
import { type PackedBytes, packBytes, unpackBytes } from './packed-bytes.ts';

export interface PackedFiles extends PackedBytes {
  readonly files: readonly {
    readonly choice: CompressionChoice;
    readonly compressed: boolean;
    /** Whether the next byte string is its base. */
    readonly hasBase: boolean;
  }[];
}

/** Byte strings of the files that are not `store`, in order. */
export interface PackedEncodings extends PackedBytes {
  readonly codecs: readonly Codec[];
}

export interface PackedBlocks extends PackedBytes {
  readonly dataKey: Uint8Array | null;
  readonly firstIndex: number;
}

/** Hashes, and before them the sealed blocks when there is a key. */
export type PackedFinished = PackedBytes;

export function packedEncode(job: PackedFiles): PackedEncodings {
  const parts = unpackBytes(job)[Symbol.iterator]();
  const next = () => parts.next().value as Buffer;
  const encoded = encodeFiles(
    job.files.map(({ choice, compressed, hasBase }): FileToEncode => {
      const file = { bytes: next(), choice, compressed };
      return hasBase ? { ...file, base: next() } : file;
    }),
  );
  const packed = packBytes(encoded.filter(({ codec }) => codec !== 'store').map(({ bytes }) => bytes));
  return transferred({ ...packed, codecs: encoded.map(({ codec }) => codec) });
}

export function packedFinish(job: PackedBlocks): PackedFinished {
  const finished = finishBlocks({
    dataKey: job.dataKey,
    firstIndex: job.firstIndex,
    payloads: unpackBytes(job),
  });
  const sealed = job.dataKey === null ? [] : finished.map(({ bytes }) => bytes);
  return transferred(packBytes([...sealed, ...finished.map(({ hash }) => hash)]));
}

function transferred<T extends PackedBytes>(value: T): T {
  // What piscina takes for "send this value, and hand over these buffers".
  return move({
    [transferableSymbol]: [value.buffer],
    [valueSymbol]: value,
  }) as unknown as T;
}
