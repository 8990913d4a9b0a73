// Numbers that a seed repeats: xoshiro128** with 128 bits of state, filled from the seed and the stream's name by SplitMix64.
// Each purpose draws from a stream of its own, so that what one draws more does not shift the others.

export interface Random {
  /** From 0 up to, not including, 1. */
  unit(): number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  /** From `low` up to, not including, `high`; not whole. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A new list in random order. */
  shuffled<T>(from: readonly T[]): T[];
}

const mask64 = (1n << 64n) - 1n;
const unitStep = 2 ** -32;

export function createRandom(seed: number | bigint, stream: string): Random {
  let mixed = BigInt(seed) & mask64;
  for (const character of stream) {
    mixed = ((mixed ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n) & mask64;
  }
  const word = (): number => {
    mixed = (mixed + 0x9e3779b97f4a7c15n) & mask64;
    let out = mixed;
    out = ((out ^ (out >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
    out = ((out ^ (out >> 27n)) * 0x94d049bb133111ebn) & mask64;
    return Number((out ^ (out >> 31n)) & 0xffffffffn) | 0;
  };
  let a = word();
  let b = word();
  let c = word();
  let d = word() | 1;

  const next = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const unit = (): number => next() * unitStep;
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    unit,
    below,
    between: (low, high) => low + unit() * (high - low),
    chance: (probability) => probability > 0 && unit() < probability,
    pick: <T>(from: readonly T[]): T => from[below(from.length)] as T,
    shuffled<T>(from: readonly T[]): T[] {
      const list = [...from];
      for (let at = list.length - 1; at > 0; at -= 1) {
        const other = below(at + 1);
        [list[at], list[other]] = [list[other] as T, list[at] as T];
      }
      return list;
    },
  };
}
