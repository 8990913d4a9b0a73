// Turns an encoded payload into the file's bytes (ASG-26 to ASG-28), never producing more than the size its command declares.
// Whether the bytes are the right ones is the caller's check: the blob id.

import { pipeline, Readable } from 'node:stream';
import {
  constants,
  createInflateRaw,
  createZstdDecompress,
  inflateRawSync,
  type ZstdOptions,
  zstdDecompressSync,
} from 'node:zlib';
import type { Codec } from '../model/assignment.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { malformed } from './malformed.ts';

/** Largest old version that serves as a dictionary, and largest file encoded against one (ASG-28). */
export const dictionaryBytesMax = 8 * 1024 ** 2;
/** Largest window a reader allots: old and new version of the largest such file. */
export const windowLogMax = 24;

const streamPieceBytes = 512 * 1024;

export interface DecodeOptions {
  /** Decoded size in bytes, from the command. */
  readonly size: number;
  /** The old version, for `zstd-base`; its blob id was checked by the caller. */
  readonly base?: Uint8Array;
}

type Engine = { readonly bytesWritten: number };
type WithInfo = { readonly buffer: Buffer; readonly engine: Engine };

/** The decoded bytes; for `store` a view of `bytes`. Throws ASSIGNMENT_MALFORMED when they are not exactly `size`. */
export function decodePayload(codec: Codec, bytes: Uint8Array, options: DecodeOptions): Buffer {
  const { size } = options;
  if (codec === 'store') return exactly(size, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const bounded = { maxOutputLength: Math.max(1, size), info: true };
  let result: WithInfo;
  try {
    result = (codec === 'deflate'
      ? inflateRawSync(bytes, { ...bounded, ...chunkFor(size) })
      : zstdDecompressSync(bytes, {
          ...zstdOptions(codec, options),
          ...bounded,
          ...chunkFor(size),
        })) as unknown as WithInfo;
  } catch (cause) {
    if (cause instanceof TreecastError) throw cause;
    throw malformed(`a ${codec} payload does not decode to ${size} bytes`, { cause });
  }
  if (result.engine.bytesWritten !== bytes.length)
    throw malformed(`a ${codec} payload has bytes after its end`);
  return exactly(size, result.buffer);
}

/** As {@link decodePayload} for payloads that should not be held whole; the last check is made before the generator ends. */
export async function* decodePayloadStream(
  codec: Codec,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: DecodeOptions,
): AsyncGenerator<Buffer, void, undefined> {
  let encodedBytes = 0;
  async function* counted() {
    for await (const piece of pieces) {
      encodedBytes += piece.length;
      yield piece;
    }
  }
  const decoder = codec === 'store' ? undefined : createDecoder(codec, options);
  // Errors of the source destroy the decoder, and so reach the loop below; the callback has nothing to add.
  const decoded: AsyncIterable<Uint8Array> =
    decoder === undefined ? counted() : pipeline(Readable.from(counted()), decoder, () => {});
  let left = options.size;
  try {
    for await (const piece of decoded) {
      left -= piece.length;
      if (left < 0) throw malformed(`a ${codec} payload decodes to more than ${options.size} bytes`);
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    }
  } catch (cause) {
    if (cause instanceof TreecastError || !isCodecError(cause)) throw cause;
    throw malformed(`a ${codec} payload does not decode to ${options.size} bytes`, { cause });
  }
  if (left > 0) throw malformed(`a ${codec} payload decodes to less than ${options.size} bytes`);
  if (decoder !== undefined && decoder.bytesWritten !== encodedBytes) {
    throw malformed(`a ${codec} payload has bytes after its end`);
  }
}

function createDecoder(codec: Exclude<Codec, 'store'>, options: DecodeOptions) {
  // Each piece is a round trip to another thread: few large ones cost a fraction of many small ones.
  const chunkSize = Math.max(64, Math.min(streamPieceBytes, options.size + 1));
  return codec === 'deflate'
    ? createInflateRaw({ chunkSize })
    : createZstdDecompress({ ...zstdOptions(codec, options), chunkSize });
}

function zstdOptions(codec: 'zstd' | 'zstd-base', { size, base }: DecodeOptions): ZstdOptions {
  const params = { [constants.ZSTD_d_windowLogMax]: windowLogMax };
  if (codec === 'zstd') return { params };
  if (base === undefined) throw malformed('a zstd-base payload came without its base');
  if (base.length > dictionaryBytesMax || size > dictionaryBytesMax)
    throw malformed('a zstd-base payload is too large');
  return { params, dictionary: base };
}

/** One output chunk of the right size saves the joining of many. */
function chunkFor(size: number): { readonly chunkSize?: number } {
  return size > 16_384 && size <= dictionaryBytesMax ? { chunkSize: size + 1 } : {};
}

function exactly(size: number, bytes: Buffer): Buffer {
  if (bytes.length !== size) throw malformed(`a payload decodes to ${bytes.length} bytes, not ${size}`);
  return bytes;
}

function isCodecError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?:Z_|ZSTD_|ERR_ZSTD|ERR_BUFFER_TOO_LARGE|ERR_ZLIB)/.test(code);
}
