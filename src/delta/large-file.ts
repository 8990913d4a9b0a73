// Files too large to be held whole: stored as they are, or compressed into a temporary file when a sample promises that it pays.
// Compressing first tells the length before the payload starts, so that parts can be split and nothing grows.

import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createDeflateRaw, createZstdCompress } from 'node:zlib';
import type { Codec } from '../model/assignment.ts';
import type { CompressionChoice } from '../model/site.ts';
import { looksCompressible, zstdLevelFor } from './encode-file.ts';

export interface LargeFile {
  /** Opens the file's bytes; may be called twice. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly size: number;
  readonly choice: CompressionChoice;
  readonly compressed: boolean;
  /** Where a compressed copy may wait; it is removed by {@link EncodedLargeFile.dispose}. */
  readonly temporary: string;
  readonly signal?: AbortSignal | undefined;
}

export interface EncodedLargeFile {
  readonly codec: Codec;
  /** Encoded bytes; what {@link pieces} must add up to. */
  readonly length: number;
  pieces(): AsyncIterable<Uint8Array>;
  dispose(): Promise<void>;
}

const sampleBytes = 256 * 1024;

export async function encodeLargeFile(file: LargeFile): Promise<EncodedLargeFile> {
  const stored: EncodedLargeFile = {
    codec: 'store',
    length: file.size,
    pieces: file.open,
    dispose: async () => {},
  };
  if (file.choice === 'store' || file.compressed || !looksCompressible(await sampleOf(file.open())))
    return stored;
  const codec = file.choice === 'deflate' ? 'deflate' : 'zstd';
  const dispose = () => rm(file.temporary, { force: true });
  try {
    const length = await compress(file, codec);
    if (length < file.size) return { codec, length, pieces: () => createReadStream(file.temporary), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
  await dispose();
  return stored;
}

async function compress(file: LargeFile, codec: 'deflate' | 'zstd'): Promise<number> {
  const encoder =
    codec === 'deflate'
      ? createDeflateRaw({ level: 6 })
      : createZstdCompress({
          params: { [constants.ZSTD_c_compressionLevel]: zstdLevelFor(file.size) },
          pledgedSrcSize: file.size,
        });
  const output = createWriteStream(file.temporary, { flags: 'wx' });
  const options = file.signal === undefined ? {} : { signal: file.signal };
  await pipeline(Readable.from(file.open(), { objectMode: false }), encoder, output, options);
  return output.bytesWritten;
}

async function sampleOf(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    pieces.push(piece);
    length += piece.length;
    if (length >= sampleBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, sampleBytes);
}
