// Parity frames of a block and back (MCTP-60 to MCTP-65): systematic Reed–Solomon, any as many frames as the block has data frames give the block. Does not
// know whether a frame is genuine, nor whether the bytes are right in the end: the MAC before and the block's hash afterwards say that.

import { type BlockFrames, blockFrames } from './block-frames.ts';
import { coefficientOf, inverseCoefficients } from './cauchy-matrix.ts';
import { type CombineKernel, coefficientsAt, framesAt, rowsAt, sumStride, sumsAt } from './combine-kernel.ts';
import { fastestKernel } from './fastest-kernel.ts';

export interface ParityFrame {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** `refused`: what was given is no such block or not of it, and nothing was done; the caller should have seen that from `blockFrames`. */
export type DecodeResult =
  | { readonly outcome: 'complete' }
  | { readonly outcome: 'short'; readonly framesWanted: number }
  | {
      readonly outcome: 'refused';
      readonly because:
        | 'block'
        | 'missing-index'
        | 'missing-twice'
        | 'parity-index'
        | 'parity-twice'
        | 'parity-length';
    };

export interface ParityCodec {
  /** The parity frames with these numbers, the same at any time. Throws RangeError for what `blockFrames` does not allow: the caller judges what it is asked for. */
  encodeParity(block: Uint8Array, frameBytes: number, indexes: readonly number[]): Uint8Array[];
  /**
   * Fills in the `missing` data frames of the block from what is there of it and as many of the parity frames, the first ones. What stood in their places
   * before does not matter, and is still there unless the outcome is `complete`.
   */
  decode(
    block: Uint8Array,
    frameBytes: number,
    missing: readonly number[],
    parity: readonly ParityFrame[],
  ): DecodeResult;
}

/** Cheap; all codecs of one kernel share its memory, since no call leaves anything in it that another one needs. */
export function createParityCodec(kernel: CombineKernel = fastestKernel()): ParityCodec {
  const { memory } = kernel;

  /** The data frames that are there, one behind the other and the last one filled up with zeros; says which they are. */
  function takeFrames(
    block: Uint8Array,
    frameBytes: number,
    frames: BlockFrames,
    missing: readonly number[],
  ): number[] {
    const isMissing = new Uint8Array(frames.dataFrames);
    for (const data of missing) isMissing[data] = 1;
    const present: number[] = [];
    let end = framesAt;
    for (let data = 0; data < frames.dataFrames; ) {
      const begin = data;
      while (data < frames.dataFrames && isMissing[data] === 0) present.push(data++);
      if (data > begin) {
        const run = block.subarray(begin * frameBytes, data * frameBytes);
        memory.set(run, end);
        end += run.length;
      }
      data++;
    }
    memory.fill(0, end, framesAt + present.length * frameBytes);
    return present;
  }

  /** Row 0 (and 1) += what is of these data frames in the parity frames with these numbers. */
  function addParity(
    indexes: readonly number[],
    present: readonly number[],
    frameBytes: number,
    bytes: number,
  ): void {
    for (const [row, index] of indexes.entries()) {
      const at = coefficientsAt[row] as number;
      for (let place = 0; place < present.length; place++) {
        memory[at + place] = coefficientOf(index, present[place] as number);
      }
    }
    combine(indexes.length, framesAt, frameBytes, present.length, bytes);
  }

  function combine(rows: number, source: number, stride: number, count: number, bytes: number): void {
    kernel.combine(rows === 1 ? 1 : 2, source, stride, count, bytes);
  }

  function clearRow(row: number, bytes: number): void {
    const at = rowsAt[row] as number;
    memory.fill(0, at, at + bytes);
  }

  return {
    encodeParity(block, frameBytes, indexes) {
      const frames = blockFrames(block.length, frameBytes);
      if (!frames)
        throw new RangeError(`no parity for a block of ${block.length} bytes in frames of ${frameBytes}`);
      for (const index of indexes) {
        if (!isIndex(index, frames.parityFramesMax)) throw new RangeError(`no parity frame ${index}`);
      }
      const present = takeFrames(block, frameBytes, frames, []);
      const { parityBytes } = frames;
      const all = new Uint8Array(indexes.length * parityBytes);
      for (const [begin, pair] of pairs(indexes)) {
        for (const row of pair.keys()) clearRow(row, parityBytes);
        addParity(pair, present, frameBytes, parityBytes);
        for (const row of pair.keys()) {
          const at = rowsAt[row] as number;
          all.set(memory.subarray(at, at + parityBytes), (begin + row) * parityBytes);
        }
      }
      return indexes.map((_, place) => all.subarray(place * parityBytes, (place + 1) * parityBytes));
    },

    decode(block, frameBytes, missing, parity) {
      const frames = blockFrames(block.length, frameBytes);
      if (!frames) return { outcome: 'refused', because: 'block' };
      const because = wrongIn(frames, missing, parity);
      if (because) return { outcome: 'refused', because };
      const used = parity.slice(0, missing.length);
      if (used.length < missing.length)
        return { outcome: 'short', framesWanted: missing.length - used.length };
      if (missing.length === 0) return { outcome: 'complete' };

      const { parityBytes, dataFrames, lastDataBytes } = frames;
      const stride = sumStride(parityBytes);
      const present = takeFrames(block, frameBytes, frames, missing);
      // Each parity frame without what it has of the data frames that are there: sums of missing ones alone.
      for (const [begin, pair] of pairs(used)) {
        for (const [row, { bytes }] of pair.entries()) memory.set(bytes, rowsAt[row]);
        addParity(
          pair.map(({ index }) => index),
          present,
          frameBytes,
          parityBytes,
        );
        for (const row of pair.keys()) {
          const at = rowsAt[row] as number;
          memory.copyWithin(sumsAt + (begin + row) * stride, at, at + parityBytes);
        }
      }
      const inverse = inverseCoefficients(
        used.map(({ index }) => index),
        missing,
      );
      for (const [begin, pair] of pairs(missing)) {
        for (const row of pair.keys()) {
          clearRow(row, parityBytes);
          const from = (begin + row) * used.length;
          memory.set(inverse.subarray(from, from + used.length), coefficientsAt[row]);
        }
        combine(pair.length, sumsAt, stride, used.length, parityBytes);
        for (const [row, data] of pair.entries()) {
          const at = rowsAt[row] as number;
          const bytes = data === dataFrames - 1 ? lastDataBytes : frameBytes;
          block.set(memory.subarray(at, at + bytes), data * frameBytes);
        }
      }
      return { outcome: 'complete' };
    },
  };
}

function wrongIn(
  { dataFrames, parityFramesMax, parityBytes }: BlockFrames,
  missing: readonly number[],
  parity: readonly ParityFrame[],
): Extract<DecodeResult, { outcome: 'refused' }>['because'] | null {
  if (!missing.every((index) => isIndex(index, dataFrames))) return 'missing-index';
  if (new Set(missing).size < missing.length) return 'missing-twice';
  if (!parity.every(({ index }) => isIndex(index, parityFramesMax))) return 'parity-index';
  if (new Set(parity.map(({ index }) => index)).size < parity.length) return 'parity-twice';
  if (!parity.every(({ bytes }) => bytes.length === parityBytes)) return 'parity-length';
  return null;
}

function isIndex(index: number, end: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < end;
}

/** Two and two, with the place of the first; the kernel makes two rows in little more than the time of one. */
function* pairs<Item>(items: readonly Item[]): Generator<[number, readonly Item[]]> {
  for (let begin = 0; begin < items.length; begin += 2) yield [begin, items.slice(begin, begin + 2)];
}
