// Mutations of bytes that know nothing of their meaning: flips, cuts, repeats, splices, and numbers that tend to break parsers.

import type { Random } from '../random.ts';

const lengthMax = 262_144;
const oddBytes = [0x00, 0x01, 0x0a, 0x20, 0x2e, 0x2f, 0x5c, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff];
const oddNumbers = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** One to four mutations; `others` are what pieces are spliced from. */
export function mutateBytes(input: Uint8Array, random: Random, others: readonly Uint8Array[]): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + random.below(4); left > 0; left--) bytes = mutateOnce(bytes, random, others);
  return bytes.subarray(0, lengthMax);
}

function mutateOnce(bytes: Buffer, random: Random, others: readonly Uint8Array[]): Buffer {
  const at = random.below(bytes.length);
  const length = Math.min(bytes.length - at, 1 + random.below(random.once(4) ? 4096 : 16));
  switch (random.below(10)) {
    case 0:
      if (bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      if (bytes.length > 0) bytes[at] = random.pick(oddBytes);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)]);
    case 6: {
      const other = Buffer.from(random.pick(others));
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    }
    case 7:
      if (bytes.length - at >= 4) {
        if (random.once(2)) bytes.writeUInt32BE(random.pick(oddNumbers), at);
        else bytes.writeUInt32LE(random.pick(oddNumbers), at);
      }
      return bytes;
    case 8: {
      // Nested or repeated beyond all measure, now and then.
      const piece = bytes.subarray(at, at + Math.min(length, 8));
      const times = random.once(20) ? 20_000 : 20;
      return Buffer.concat([
        bytes.subarray(0, at),
        ...Array.from({ length: times }, () => piece),
        bytes.subarray(at),
      ]);
    }
    default: {
      // Two pieces change places.
      const from = random.below(bytes.length);
      const piece = Buffer.from(bytes.subarray(from, from + length));
      piece.copy(bytes, at);
      return bytes;
    }
  }
}
