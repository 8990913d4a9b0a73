// Chooses the smallest encoding of one file that is held in memory, within what the policy allows; never larger than the file.
// Levels and thresholds are measured (docs/spec/assignment.md, "Choice of codec"): they decide speed and size, not correctness.

import { constants, deflateRawSync, type ZstdOptions, zstdCompressSync } from 'node:zlib';
import { dictionaryBytesMax } from '../assignment/decode-payload.ts';
import type { Codec } from '../model/assignment.ts';
import type { CompressionChoice } from '../model/site.ts';

export interface FileToEncode {
  readonly bytes: Uint8Array;
  /** The old version; used only when both are at most 8 MiB. */
  readonly base?: Uint8Array;
  readonly choice: CompressionChoice;
  /** The name promises compressed content (compressed-type.ts): only a base is tried. */
  readonly compressed: boolean;
}

export interface EncodedFile {
  readonly codec: Codec;
  /** For `store` the very bytes given. */
  readonly bytes: Uint8Array;
}

/** Below this nothing gets smaller. */
const compressBytesMin = 24;
/** Up to here deflate's shorter frame beats zstd's by 1–7 % in all but one of 500 files: zstd is not tried. */
const deflateOnlyBytesMax = 8 * 1024;
/** Up to here it usually does; beyond, it loses and costs more. */
const deflateBytesMax = 16 * 1024;
/** An encoding against the base this many times smaller than the file is taken without trying others. */
const goodEnough = 8;
const sampledBytesMin = 64 * 1024;
const sampleBytes = 8 * 1024;
/** A sample that stays above this share of its size is not worth compressing. */
const sampleShareMax = 0.97;
/** From this base size on zstd's own tables are too short to reach all of it. */
const longBaseBytes = 128 * 1024;

export function encodeFile(file: FileToEncode): EncodedFile {
  const { bytes, base, choice } = file;
  const stored: EncodedFile = { codec: 'store', bytes };
  if (choice === 'store' || bytes.length < compressBytesMin) return stored;
  let best = stored;
  const consider = (codec: Codec, encoded: Uint8Array) => {
    if (encoded.length < best.bytes.length) best = { codec, bytes: encoded };
  };
  if (
    base !== undefined &&
    choice !== 'deflate' &&
    isDictionary(base) &&
    bytes.length <= dictionaryBytesMax
  ) {
    consider('zstd-base', zstdAgainst(base, bytes));
    if (best.bytes.length * goodEnough <= bytes.length) return best;
  }
  if (file.compressed || !looksCompressible(bytes)) return best;
  if (choice === 'zstd' || (choice === 'auto' && bytes.length > deflateOnlyBytesMax))
    consider('zstd', zstd(bytes));
  if (choice === 'deflate' || (choice === 'auto' && bytes.length <= deflateBytesMax)) {
    consider('deflate', deflateRawSync(bytes, { level: bytes.length <= sampledBytesMin ? 9 : 6 }));
  }
  return best;
}

/** Whether {@link encodeFile} would give the very bytes back, told by a look at samples: such a file needs no way to a worker. */
export function staysAsItIs({ bytes, base, choice, compressed }: FileToEncode): boolean {
  if (choice === 'store' || bytes.length < compressBytesMin) return true;
  return base === undefined && (compressed || !looksCompressible(bytes));
}

/** Whether three samples shrink; small files are not worth the question. */
export function looksCompressible(bytes: Uint8Array): boolean {
  if (bytes.length < sampledBytesMin) return true;
  for (const start of [0, (bytes.length - sampleBytes) >> 1, bytes.length - sampleBytes]) {
    const sample = bytes.subarray(start, start + sampleBytes);
    const packed = zstdCompressSync(sample, options(1, sample.length));
    if (packed.length < sample.length * sampleShareMax) return true;
  }
  return false;
}

/** Small files are worth more effort: 20 KB take 0.4 ms at level 9. */
export function zstdLevelFor(bytes: number): number {
  if (bytes <= 64 * 1024) return 9;
  return bytes <= 2 * 1024 ** 2 ? 6 : 3;
}

function isDictionary(base: Uint8Array): boolean {
  return base.length > 0 && base.length <= dictionaryBytesMax;
}

function zstd(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, options(zstdLevelFor(bytes.length), bytes.length));
}

function zstdAgainst(base: Uint8Array, bytes: Uint8Array): Uint8Array {
  const long = base.length > longBaseBytes;
  const baseLog = Math.ceil(Math.log2(base.length));
  const params = long
    ? {
        [constants.ZSTD_c_hashLog]: baseLog,
        [constants.ZSTD_c_chainLog]: baseLog,
        [constants.ZSTD_c_windowLog]: Math.ceil(Math.log2(base.length + bytes.length)),
      }
    : {};
  const level = long ? 6 : 9;
  return zstdCompressSync(bytes, { ...options(level, bytes.length, params), dictionary: base });
}

function options(level: number, size: number, params: Record<number, number> = {}): ZstdOptions {
  return { params: { [constants.ZSTD_c_compressionLevel]: level, ...params }, pledgedSrcSize: size };
}
