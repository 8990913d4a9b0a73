// The bytes that a sender is about to send: blocks as they were read, some ahead and some behind, and parity frames made of them. Memory is bounded; what
// was let go of is read again.

import { blockBytes } from '../../../model/assignment.ts';
import type { MctpFrame } from '../../../protocol/mctp/mctp-messages.ts';
import type { MctpLayout } from '../../../protocol/mctp/mctp-session.ts';
import type { ParityCodec } from '../fec/parity-codec.ts';
import type { BlockSource } from '../mctp-session.ts';

export interface PayloadStore {
  /** The payload of `frames[at]`; undefined: it is being read, see `onRead`. Parity of frames behind it is made in one go. */
  payload(frames: readonly MctpFrame[], at: number): Uint8Array | undefined;
  /** Undefined as above. */
  block(block: number): Buffer | undefined;
  close(): void;
}

export interface PayloadStoreOptions {
  readonly source: BlockSource;
  readonly layout: MctpLayout;
  readonly frameBytes: number;
  readonly codec: ParityCodec;
  /** Up to which block, not included, there is something to read. */
  readonly available: () => number;
  readonly onRead: () => void;
  readonly onFailed: (error: unknown) => void;
}

/** 12 MiB. */
const blocksMax = 96;
const readAhead = 4;

export function createPayloadStore(options: PayloadStoreOptions): PayloadStore {
  const { source, layout, frameBytes, codec } = options;
  const { manifestBlocks } = layout;
  /** The one that was used longest ago first. */
  const blocks = new Map<number, Buffer>();
  const reading = new Set<number>();
  /** Frames of one block mostly follow each other. */
  let lastBlock = -1;
  let lastBytes: Buffer | undefined;
  let parityOf = -1;
  const parity = new Map<number, Uint8Array>();
  let isClosed = false;

  function read(block: number): void {
    const isManifest = block < manifestBlocks;
    if (isManifest || blocks.has(block) || reading.has(block) || block >= options.available()) return;
    reading.add(block);
    source.read(block - manifestBlocks).then(
      (bytes) => {
        reading.delete(block);
        if (isClosed) return;
        if (bytes.length !== layout.blockLength(block)) {
          options.onFailed(
            new RangeError(`block ${block} has ${bytes.length} bytes, not ${layout.blockLength(block)}`),
          );
          return;
        }
        blocks.set(block, bytes);
        for (const oldest of blocks.keys()) {
          if (blocks.size <= blocksMax) break;
          blocks.delete(oldest);
        }
        options.onRead();
      },
      (error: unknown) => {
        if (!isClosed) options.onFailed(error);
      },
    );
  }

  function get(block: number): Buffer | undefined {
    if (block === lastBlock) return lastBytes;
    const bytes = find(block);
    if (bytes === undefined) return undefined;
    lastBlock = block;
    lastBytes = bytes;
    return bytes;
  }

  function find(block: number): Buffer | undefined {
    if (block < manifestBlocks)
      return source.manifest?.subarray(block * blockBytes, (block + 1) * blockBytes);
    const bytes = blocks.get(block);
    if (bytes === undefined) read(block);
    else {
      blocks.delete(block);
      blocks.set(block, bytes);
    }
    return bytes;
  }

  return {
    block: get,
    payload(frames, at) {
      const { block, sequence } = frames[at] as MctpFrame;
      const bytes = get(block);
      const isFirst = sequence === 0;
      if (isFirst || bytes === undefined)
        for (let next = 1; next <= readAhead; next += 1) if (block + next < layout.blocks) read(block + next);
      if (bytes === undefined) return undefined;
      const dataFrames = layout.frames(block);
      if (sequence < dataFrames) {
        const begin = sequence * frameBytes;
        return bytes.subarray(begin, begin + frameBytes);
      }
      if (parityOf !== block) parity.clear();
      parityOf = block;
      const made = parity.get(sequence);
      if (made !== undefined) return made;
      const wanted: number[] = [];
      for (let index = at; index < frames.length; index += 1) {
        const frame = frames[index] as MctpFrame;
        if (frame.block !== block) break;
        if (frame.sequence >= dataFrames) wanted.push(frame.sequence);
      }
      const distinct = [...new Set(wanted)];
      const encoded = codec.encodeParity(
        bytes,
        frameBytes,
        distinct.map((wantedSequence) => wantedSequence - dataFrames),
      );
      for (const [index, frame] of encoded.entries()) parity.set(distinct[index] as number, frame);
      return parity.get(sequence);
    },
    close() {
      isClosed = true;
      blocks.clear();
      parity.clear();
    },
  };
}
