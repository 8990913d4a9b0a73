// What computes with frames: sums of frames over GF(256), each one times a coefficient. Knows nothing of codes. Everything lies in one memory, laid out here,
// the same for the kernel in WebAssembly (combine.wat has these numbers) and for the plain one.

import { frameBytesMax } from './block-frames.ts';

export interface CombineKernel {
  readonly memory: Uint8Array;
  /**
   * Adds to the first row, and to the second with `rows` 2, the sum of `count` frames of `bytes` bytes that begin `stride` apart from `source` on, each times
   * the row's coefficient for it. What is in the memory behind rows and frames may change, up to 63 bytes.
   */
  combine(rows: 1 | 2, source: number, stride: number, count: number, bytes: number): void;
}

const chunkBytes = 64;

/** Of each row, one byte a frame. */
export const coefficientsAt = [8192, 8448] as const;
export const rowsAt = [8704, 17_984] as const;
/** Frames, as many as are in a block with the last one filled up. */
export const framesAt = 27_264;
export const sumsAt = framesAt + 131_072 + frameBytesMax + chunkBytes;
export const memoryBytes = 327_680;

/** From one sum to the next, so that what is written behind one is none of the next. */
export function sumStride(bytes: number): number {
  return Math.ceil(bytes / chunkBytes) * chunkBytes;
}
