// SipHash-2-4 without WebAssembly: 64-bit words as two halves of 32. Same contract, same tags.

import { messageBytesMax, type SipHash } from './siphash.ts';

export function createPlainSipHash(): SipHash {
  const memory = new Uint8Array(messageBytesMax + 16);
  const words = new DataView(memory.buffer);
  const state = new Int32Array(8);

  return {
    memory,
    hash(k0, k1, k2, k3, gapAt, bytes) {
      memory.copyWithin(8, 0, gapAt);
      const last = bytes & -8;
      memory.fill(0, bytes, last + 8);
      memory[last + 7] = bytes - 8;
      state[0] = k0 ^ 0x70736575;
      state[1] = k1 ^ 0x736f6d65;
      state[2] = k2 ^ 0x6e646f6d;
      state[3] = k3 ^ 0x646f7261;
      state[4] = k0 ^ 0x6e657261;
      state[5] = k1 ^ 0x6c796765;
      state[6] = k2 ^ 0x79746573;
      state[7] = k3 ^ 0x74656462;
      for (let at = 8; at <= last; at += 8) {
        const low = words.getInt32(at, true);
        const high = words.getInt32(at + 4, true);
        state[6] ^= low;
        state[7] ^= high;
        mix(state, 2);
        state[0] ^= low;
        state[1] ^= high;
      }
      state[4] ^= 0xff;
      mix(state, 4);
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
      words.setInt32(0, a ^ c ^ e ^ g, true);
      words.setInt32(4, b ^ d ^ f ^ h, true);
    },
  };
}

/** `rounds` SipRounds on v0 to v3, low halves at even places. */
function mix(state: Int32Array, rounds: number): void {
  let [v0 = 0, w0 = 0, v1 = 0, w1 = 0, v2 = 0, w2 = 0, v3 = 0, w3 = 0] = state;
  for (let round = 0; round < rounds; round++) {
    let low = (v0 >>> 0) + (v1 >>> 0);
    w0 = (w0 + w1 + (low > 0xffff_ffff ? 1 : 0)) | 0;
    v0 = low | 0;
    low = (v1 << 13) | (w1 >>> 19);
    w1 = ((w1 << 13) | (v1 >>> 19)) ^ w0;
    v1 = low ^ v0;
    low = v0;
    v0 = w0;
    w0 = low;
    low = (v2 >>> 0) + (v3 >>> 0);
    w2 = (w2 + w3 + (low > 0xffff_ffff ? 1 : 0)) | 0;
    v2 = low | 0;
    low = (v3 << 16) | (w3 >>> 16);
    w3 = ((w3 << 16) | (v3 >>> 16)) ^ w2;
    v3 = low ^ v2;
    low = (v0 >>> 0) + (v3 >>> 0);
    w0 = (w0 + w3 + (low > 0xffff_ffff ? 1 : 0)) | 0;
    v0 = low | 0;
    low = (v3 << 21) | (w3 >>> 11);
    w3 = ((w3 << 21) | (v3 >>> 11)) ^ w0;
    v3 = low ^ v0;
    low = (v2 >>> 0) + (v1 >>> 0);
    w2 = (w2 + w1 + (low > 0xffff_ffff ? 1 : 0)) | 0;
    v2 = low | 0;
    low = (v1 << 17) | (w1 >>> 15);
    w1 = ((w1 << 17) | (v1 >>> 15)) ^ w2;
    v1 = low ^ v2;
    low = v2;
    v2 = w2;
    w2 = low;
  }
  state[0] = v0;
  state[1] = w0;
  state[2] = v1;
  state[3] = w1;
  state[4] = v2;
  state[5] = w2;
  state[6] = v3;
  state[7] = w3;
}
