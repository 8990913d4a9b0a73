// The short MAC of a frame or a status: SipHash-2-4 over all of it but the MAC itself, which is the last 8 bytes of the header. 8 bytes under a key of one
// session are enough against guessing, since whoever guesses sends frames; they are no signature. Who has which key, and what a header says, is decided elsewhere.

import { fastestSipHash } from './fastest-siphash.ts';
import { messageBytesMax, type SipHash } from './siphash.ts';

export const macKeyBytes = 16;
export const macBytes = 8;

export interface FrameMac {
  /** Writes the MAC over header and payload into the last 8 bytes of the header. Header and payload together are at most 65,536 bytes. */
  sign(header: Uint8Array, payload: Uint8Array): void;
  /** Whether the 8 bytes that end at `headerBytes` are the MAC of the whole frame. Anything may come in; what cannot be a frame is false. Leaves the frame alone. */
  verify(frame: Uint8Array, headerBytes: number): boolean;
}

/** Cheap: one for each pair of a session and a key. `key` is `macKeyBytes` long and is not kept. */
export function createFrameMac(key: Uint8Array, sipHash: SipHash = fastestSipHash()): FrameMac {
  if (key.length !== macKeyBytes) throw new RangeError(`a key has ${macKeyBytes} bytes, not ${key.length}`);
  const words = new DataView(key.buffer, key.byteOffset, macKeyBytes);
  const k0 = words.getInt32(0, true);
  const k1 = words.getInt32(4, true);
  const k2 = words.getInt32(8, true);
  const k3 = words.getInt32(12, true);
  const { memory } = sipHash;

  return {
    sign(header, payload) {
      const bytes = header.length + payload.length;
      const macAt = header.length - macBytes;
      if (macAt < 0 || bytes > messageBytesMax)
        throw new RangeError(`no frame: ${header.length} + ${payload.length} bytes`);
      memory.set(header);
      memory.set(payload, header.length);
      sipHash.hash(k0, k1, k2, k3, macAt, bytes);
      for (let index = 0; index < macBytes; index++) header[macAt + index] = memory[index] as number;
    },

    verify(frame, headerBytes) {
      const macAt = headerBytes - macBytes;
      if (!(macAt >= 0 && headerBytes <= frame.length && frame.length <= messageBytesMax)) return false;
      memory.set(frame);
      sipHash.hash(k0, k1, k2, k3, macAt, frame.length);
      let difference = 0;
      // All of them, whatever the first one says: time tells nobody how much of a guess was right.
      for (let index = 0; index < macBytes; index++) {
        difference |= (memory[index] as number) ^ (frame[macAt + index] as number);
      }
      return difference === 0;
    },
  };
}
