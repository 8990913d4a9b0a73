// Where the payloads of frames wait until their block is whole: the machine says which are kept and which blocks are let go of, and so bounds the memory. Takes
// the place of a block once and uses it again, so that a long session allocates no more than a short one.

import { blockBytes } from '../../../model/assignment.ts';
import type { MctpLayout } from '../../../protocol/mctp/mctp-session.ts';
import type { ParityCodec, ParityFrame } from '../fec/parity-codec.ts';

export interface BlockAssembly {
  /** Copies it. Geometry is the caller's to check. */
  keep(block: number, sequence: number, payload: Uint8Array): void;
  /** The whole block, repaired where that is needed; undefined when what was kept does not give one. It is the caller's until {@link release}. */
  take(block: number): Buffer | undefined;
  release(bytes: Buffer): void;
  /** Goes on with a block that was taken, of which these data frames are right. */
  restore(block: number, bytes: Buffer, sequences: readonly number[]): void;
  drop(block: number): void;
  /** All places that were ever taken. */
  bytes(): number;
}

interface Place {
  readonly bytes: Buffer;
  readonly present: Uint8Array;
  readonly parity: ParityFrame[];
}

export function createBlockAssembly(
  layout: MctpLayout,
  frameBytes: number,
  codec: ParityCodec,
): BlockAssembly {
  const places = new Map<number, Place>();
  const free: Buffer[] = [];
  let made = 0;

  function begin(block: number): Place {
    let whole = free.pop();
    if (whole === undefined) {
      whole = Buffer.allocUnsafeSlow(blockBytes);
      made += 1;
    }
    const place: Place = {
      bytes: whole.subarray(0, layout.blockLength(block)),
      present: new Uint8Array(layout.frames(block)),
      parity: [],
    };
    places.set(block, place);
    return place;
  }

  function release(bytes: Buffer): void {
    free.push(Buffer.from(bytes.buffer, 0, blockBytes));
  }

  return {
    keep(block, sequence, payload) {
      const place = places.get(block) ?? begin(block);
      const { present } = place;
      if (sequence < present.length) {
        place.bytes.set(payload, sequence * frameBytes);
        present[sequence] = 1;
      } else place.parity.push({ index: sequence - present.length, bytes: Buffer.from(payload) });
    },
    take(block) {
      const place = places.get(block);
      if (place === undefined) return undefined;
      places.delete(block);
      const missing: number[] = [];
      for (const [sequence, isPresent] of place.present.entries())
        if (isPresent === 0) missing.push(sequence);
      if (missing.length > 0) {
        const { outcome } = codec.decode(place.bytes, frameBytes, missing, place.parity);
        if (outcome !== 'complete') {
          release(place.bytes);
          return undefined;
        }
      }
      return place.bytes;
    },
    release,
    restore(block, bytes, sequences) {
      const present = new Uint8Array(layout.frames(block));
      for (const sequence of sequences) present[sequence] = 1;
      places.set(block, { bytes, present, parity: [] });
    },
    drop(block) {
      const place = places.get(block);
      if (place === undefined) return;
      places.delete(block);
      release(place.bytes);
    },
    bytes: () => made * blockBytes,
  };
}
