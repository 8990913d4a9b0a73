// SipHash-2-4 as the frames' MAC calls it: over bytes in the hash's own memory, so that a frame is copied once and nothing is allocated. What a frame's
// MAC covers is not decided here.

export interface SipHash {
  /** Where the caller puts what is hashed, from 0 on. */
  readonly memory: Uint8Array;
  /**
   * Hashes the first `bytes` of the memory without the 8 that begin at `gapAt`, under the key of four little-endian words; leaves the tag in the first 8
   * bytes of the memory. 0 ≤ `gapAt` ≤ `bytes` - 8 and `bytes` ≤ `messageBytesMax` are the caller's to keep. What was in the memory is lost.
   */
  hash(k0: number, k1: number, k2: number, k3: number, gapAt: number, bytes: number): void;
}

/** More than a UDP datagram holds. */
export const messageBytesMax = 65_536;
