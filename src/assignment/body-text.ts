// The body of a manifest (ASG-14): commands as lines of canonical JSON, packed into zstd frames at line ends, so that neither
// side ever holds more than one frame's text. Knows lines and frames, not what commands mean.

import { isUtf8 } from 'node:buffer';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { malformed } from './malformed.ts';
import { tooLarge } from './manifest-frame.ts';
import { zstdFrameBytes } from './zstd-frame.ts';

export const bodyTextBytesMax = 1024 ** 3;
/** A frame holds at least this much text unless it is the last, and at most one line more. */
const frameTextBytes = 512 * 1024;
export const lineBytesMax = 1024 * 1024;
const frameTextBytesMax = frameTextBytes + lineBytesMax + 1;
/** Honest bodies shrink 4 to 40 times; beyond this (and a free allowance) the text is a decompression bomb. */
const ratioMax = 250;
const freeTextBytes = 64 * 1024 ** 2;

export interface BodyEncoder {
  add(line: string): void;
  end(): Buffer;
}

export function createBodyEncoder(): BodyEncoder {
  const frames: Buffer[] = [];
  let lines: string[] = [];
  let pending = 0;
  let total = 0;
  let packed = 0;
  const flush = () => {
    if (lines.length === 0) return;
    const frame = zstdCompressSync(`${lines.join('\n')}\n`, {
      params: { [constants.ZSTD_c_compressionLevel]: 6 },
    });
    frames.push(frame);
    packed += frame.length;
    lines = [];
    pending = 0;
  };
  return {
    add(line) {
      const bytes = Buffer.byteLength(line) + 1;
      if (bytes > lineBytesMax) throw tooLarge('longest command', bytes, lineBytesMax);
      total += bytes;
      if (total > bodyTextBytesMax) throw tooLarge('command list', total, bodyTextBytesMax);
      lines.push(line);
      pending += bytes;
      if (pending >= frameTextBytes) flush();
    },
    end() {
      flush();
      if (total > textBytesMax(packed)) throw tooLarge('command list', total, textBytesMax(packed));
      return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames, packed);
    },
  };
}

/** The lines of a body, frame by frame. Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_TOO_LARGE. */
export function* bodyLines(body: Uint8Array): Generator<string> {
  const textMax = textBytesMax(body.length);
  let total = 0;
  for (let at = 0; at < body.length; ) {
    const length = zstdFrameBytes(body, at);
    if (length === undefined) throw malformed('the body is not a series of zstd frames');
    const text = inflate(body.subarray(at, at + length));
    at += length;
    total += text.length;
    if (total > textMax) throw tooLarge('command list', total, textMax);
    yield* linesOf(text);
  }
}

function* linesOf(text: Buffer): Generator<string> {
  if (!isUtf8(text)) throw malformed('the body is not UTF-8');
  if (text.at(-1) !== 0x0a) throw malformed('a frame of the body does not end at the end of a line');
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(0x0a, at);
    if (end - at >= lineBytesMax) throw tooLarge('longest command', end - at, lineBytesMax);
    yield text.toString('utf8', at, end);
    at = end + 1;
  }
}

function inflate(frame: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(frame, {
      maxOutputLength: frameTextBytesMax,
      params: { [constants.ZSTD_d_windowLogMax]: 22 },
    });
  } catch (cause) {
    throw malformed('a frame of the body cannot be decompressed', { cause });
  }
}

function textBytesMax(packedBytes: number): number {
  return Math.min(bodyTextBytesMax, freeTextBytes + packedBytes * ratioMax);
}
