// Fills the two regions of a data file with payloads and cuts them into blocks (ASG-20 to ASG-23). Says where each payload lies;
// sealing, hashing and writing the finished blocks is the sink's work, in any order it likes.

import { blockBytes, type Cipher, sealedPayloadBytes } from '../model/assignment.ts';
import { dataPlainBytesMax } from './header-schema.ts';
import { tooLarge } from './manifest-frame.ts';

export type Region = 'sealed' | 'plain';

/** A full block's payload (or the last, shorter one's), not sealed yet. `index` counts within its region. */
export interface UnsealedBlock {
  readonly region: Region;
  readonly index: number;
  readonly payload: Buffer;
}

export interface DataEncoder {
  /** The offset of the bytes in their region. Views are kept until their block is full: the caller must not change the bytes. */
  add(cipher: Cipher, bytes: Uint8Array): number;
  /** Emits the blocks that are not full. Nothing can be added afterwards. */
  end(): { readonly sealedPayloadBytes: number; readonly plainPayloadBytes: number };
  /** Plain bytes in both regions so far. */
  readonly plainBytes: number;
}

export interface DataEncoderOptions {
  readonly onBlock: (block: UnsealedBlock) => void;
  /** Throws ASSIGNMENT_TOO_LARGE beyond; for tests. */
  readonly plainBytesMax?: number;
}

export function createDataEncoder(options: DataEncoderOptions): DataEncoder {
  const plainBytesMax = options.plainBytesMax ?? dataPlainBytesMax;
  const sealed = createRegion('sealed', sealedPayloadBytes, options.onBlock);
  const plain = createRegion('plain', blockBytes, options.onBlock);
  return {
    add(cipher, bytes) {
      const total = sealed.size() + plain.size() + bytes.length;
      if (total > plainBytesMax) throw tooLarge('data', total, plainBytesMax);
      return (cipher === 'none' ? plain : sealed).add(bytes);
    },
    end() {
      sealed.end();
      plain.end();
      return { sealedPayloadBytes: sealed.size(), plainPayloadBytes: plain.size() };
    },
    get plainBytes() {
      return sealed.size() + plain.size();
    },
  };
}

function createRegion(region: Region, capacity: number, onBlock: (block: UnsealedBlock) => void) {
  let pieces: Uint8Array[] = [];
  let pending = 0;
  let size = 0;
  let index = 0;
  const emit = () => {
    onBlock({ region, index: index++, payload: Buffer.concat(pieces, pending) });
    pieces = [];
    pending = 0;
  };
  return {
    add(bytes: Uint8Array): number {
      const offset = size;
      for (let at = 0; at < bytes.length; ) {
        const take = Math.min(capacity - pending, bytes.length - at);
        pieces.push(take === bytes.length ? bytes : bytes.subarray(at, at + take));
        pending += take;
        at += take;
        if (pending === capacity) emit();
      }
      size += bytes.length;
      return offset;
    },
    end(): void {
      if (pending > 0) emit();
    },
    size: () => size,
  };
}
