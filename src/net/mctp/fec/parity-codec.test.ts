import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { blockFrames, codeFramesMax, frameBytesMax } from './block-frames.ts';
import { createSimdKernel } from './fastest-kernel.ts';
import { createParityCodec, type ParityFrame } from './parity-codec.ts';
import { createPlainKernel } from './plain-kernel.ts';
import { referenceBlock, referenceParity } from './testing/reference-code.ts';

const simd = createSimdKernel();
assert(simd, 'this Node.js and this processor have vector instructions');
const codec = createParityCodec(simd);
const plain = createParityCodec(createPlainKernel());

/** Bytes that look random and depend on the seed alone. */
function bytesOf(seed: number, bytes: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length: bytes }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
}

/** A block of `dataFrames` frames with the last one of 1 byte to a whole frame. */
const someBlock = (dataFramesMax: number, bytesMax: number) =>
  fc
    .tuple(
      fc.integer({ min: 1, max: dataFramesMax }),
      fc.integer({ min: 1, max: bytesMax }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer(),
    )
    .map(([dataFrames, frameBytes, share, seed]) => {
      const last = 1 + Math.floor(share * (frameBytes - 1));
      return { dataFrames, frameBytes, block: bytesOf(seed, (dataFrames - 1) * frameBytes + last) };
    });

/** The first of all numbers below `end`, shuffled by the keys. */
function chosen(keys: readonly number[], end: number, count: number): number[] {
  return Array.from({ length: end }, (_, index) => index)
    .sort(
      (a, b) =>
        (((keys[a % keys.length] ?? 0) * (a + 1)) % 9973) - (((keys[b % keys.length] ?? 0) * (b + 1)) % 9973),
    )
    .slice(0, count);
}

/** The block as it stands at a receiver: garbage where frames are missing. */
function withHoles(block: Uint8Array, frameBytes: number, missing: readonly number[]): Uint8Array {
  const holed = block.slice();
  for (const data of missing) holed.fill(0xa5, data * frameBytes, (data + 1) * frameBytes);
  return holed;
}

function parityFrames(
  block: Uint8Array,
  frameBytes: number,
  indexes: readonly number[],
  by = codec,
): ParityFrame[] {
  return by
    .encodeParity(block, frameBytes, indexes)
    .map((bytes, place) => ({ index: indexes[place] ?? -1, bytes }));
}

describe('parity frames', () => {
  test('MCTP-63: the example of the specification', () => {
    const block = Buffer.from('treecast');
    const parity = codec.encodeParity(block, 3, [0, 1, 160]);
    assert.deepEqual(
      parity.map((bytes) => Buffer.from(bytes).toString('hex')),
      ['39d3ba', '5d108c', 'b4b7c5'],
    );
  });

  test('MCTP-61: they are those of the reference implementation, by both kernels', () => {
    fc.assert(
      fc.property(
        someBlock(94, 30),
        fc.array(fc.integer({ min: 0, max: 160 }), { maxLength: 5 }),
        ({ block, frameBytes }, indexes) => {
          const expected = indexes.map((index) => referenceParity(block, frameBytes, index));
          assert.deepEqual(codec.encodeParity(block, frameBytes, indexes), expected);
          assert.deepEqual(plain.encodeParity(block, frameBytes, indexes), expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('MCTP-62: each one is the same whenever and with whichever others it is made, and the block is left alone', () => {
    const block = bytesOf(7, 131_072);
    const kept = block.slice();
    const all = codec.encodeParity(
      block,
      1400,
      Array.from({ length: 161 }, (_, index) => index),
    );
    assert.equal(all.length, 161);
    for (const indexes of [[160], [3, 3, 0], [11, 5, 8, 160], []]) {
      codec.encodeParity(bytesOf(8, 9000), 900, [0, 1]);
      assert.deepEqual(
        codec.encodeParity(block, 1400, indexes),
        indexes.map((index) => all[index]),
      );
    }
    assert.deepEqual(plain.encodeParity(block, 1400, [0, 77, 160]), [all[0], all[77], all[160]]);
    assert.deepEqual(block, kept);
  });

  test('MCTP-62: what cannot be a block, or a parity frame of it, throws', () => {
    for (const [bytes, frameBytes] of [
      [0, 1400],
      [131_073, 1400],
      [5000, 0],
      [5000, -1],
      [5000, 1.5],
      [5000, Number.NaN],
      [5000, frameBytesMax + 1],
      [255, 1],
    ] as const) {
      assert.throws(
        () => codec.encodeParity(new Uint8Array(bytes), frameBytes, [0]),
        RangeError,
        `${bytes} in ${frameBytes}`,
      );
    }
    for (const index of [-1, 161, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => codec.encodeParity(new Uint8Array(131_072), 1400, [0, index]),
        RangeError,
        `${index}`,
      );
    }
  });
});

describe('MCTP-63: any frames, as many as the block has data frames, give its exact bytes', () => {
  test('whichever are lost, for short blocks and short last frames, 1 to 94 data frames', () => {
    fc.assert(
      fc.property(
        someBlock(94, 1408),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.integer({ min: 1, max: 9972 }), { minLength: 3, maxLength: 9 }),
        ({ block, dataFrames, frameBytes }, share, keys) => {
          const missing = chosen(keys, dataFrames, Math.round(share * dataFrames));
          const indexes = chosen(keys.toReversed(), codeFramesMax - dataFrames, missing.length);
          const parity = parityFrames(block, frameBytes, indexes);
          const holed = withHoles(block, frameBytes, missing);
          assert.deepEqual(codec.decode(holed, frameBytes, missing, parity), { outcome: 'complete' });
          assert(Buffer.from(holed).equals(block));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('by both kernels and by elimination, for every number of data frames with a half and with all of them lost', () => {
    for (let dataFrames = 1; dataFrames <= 94; dataFrames++) {
      const frameBytes = 1 + (dataFrames % 7);
      const block = bytesOf(dataFrames, dataFrames * frameBytes - Math.min(dataFrames % 3, frameBytes - 1));
      for (const lost of [Math.ceil(dataFrames / 2), dataFrames]) {
        const missing = Array.from({ length: lost }, (_, place) => dataFrames - 1 - place);
        const parity = parityFrames(
          block,
          frameBytes,
          Array.from({ length: lost }, (_, place) => (place * 5 + dataFrames) % 161),
        );
        for (const by of [codec, plain]) {
          const holed = withHoles(block, frameBytes, missing);
          assert.deepEqual(by.decode(holed, frameBytes, missing, parity), { outcome: 'complete' });
          assert.deepEqual(holed, block);
        }
        const received = [
          ...Array.from(
            { length: dataFrames - lost },
            (_, data) => [data, block.subarray(data * frameBytes, (data + 1) * frameBytes)] as const,
          ),
          ...parity.map(({ index, bytes }) => [dataFrames + index, bytes] as const),
        ];
        assert.deepEqual(referenceBlock(received, block.length, frameBytes), block);
      }
    }
  });

  test('whole blocks of 128 KiB in frames of any length, the largest and the most included', () => {
    const block = bytesOf(1, 131_072);
    for (const frameBytes of [517, 1032, 1180, 1394, 1395, 1400, 1408, 1440, 8952, frameBytesMax]) {
      const frames = blockFrames(block.length, frameBytes);
      assert(frames);
      const lost = Math.min(frames.dataFrames, frames.parityFramesMax);
      const missing = Array.from({ length: lost }, (_, place) => frames.dataFrames - 1 - place);
      const parity = parityFrames(
        block,
        frameBytes,
        Array.from({ length: lost }, (_, place) => frames.parityFramesMax - 1 - place),
      );
      const holed = withHoles(block, frameBytes, missing);
      assert.deepEqual(codec.decode(holed, frameBytes, missing, parity), { outcome: 'complete' });
      assert(Buffer.from(holed).equals(block), `frames of ${frameBytes}`);
    }
    assert.equal(blockFrames(131_072, 516), null);
  });

  test('more parity than is needed does no harm; none is needed when nothing is missing', () => {
    const block = bytesOf(3, 14_000);
    const parity = parityFrames(block, 1400, [4, 9, 2, 0]);
    const holed = withHoles(block, 1400, [9, 0]);
    assert.deepEqual(codec.decode(holed, 1400, [9, 0], parity), { outcome: 'complete' });
    assert.deepEqual(holed, block);
    assert.deepEqual(codec.decode(holed, 1400, [], []), { outcome: 'complete' });
    assert.deepEqual(holed, block);
  });
});

describe('MCTP-64: what does not fit is said, and nothing is changed', () => {
  const block = bytesOf(5, 13_000);
  const [first, second, third] = parityFrames(block, 1400, [0, 1, 2]);
  assert(first && second && third);
  const cases: readonly (readonly [string, number, readonly number[], readonly ParityFrame[], object])[] = [
    ['too few', 1400, [0, 4, 9], [first], { outcome: 'short', framesWanted: 2 }],
    ['none', 1400, [3], [], { outcome: 'short', framesWanted: 1 }],
    [
      'a parity frame twice',
      1400,
      [0, 1],
      [first, { ...first }],
      { outcome: 'refused', because: 'parity-twice' },
    ],
    [
      'a missing frame twice',
      1400,
      [1, 1],
      [first, second],
      { outcome: 'refused', because: 'missing-twice' },
    ],
    ['a data frame that there is not', 1400, [10], [first], { outcome: 'refused', because: 'missing-index' }],
    ['a data frame before the first', 1400, [-1], [first], { outcome: 'refused', because: 'missing-index' }],
    ['half a data frame', 1400, [0.5], [first], { outcome: 'refused', because: 'missing-index' }],
    ['no number', 1400, [Number.NaN], [first], { outcome: 'refused', because: 'missing-index' }],
    [
      'a parity frame beyond the code',
      1400,
      [0],
      [{ ...first, index: 245 }],
      { outcome: 'refused', because: 'parity-index' },
    ],
    [
      'a parity frame before the first',
      1400,
      [0],
      [{ ...first, index: -1 }],
      { outcome: 'refused', because: 'parity-index' },
    ],
    [
      'a parity frame with half a number',
      1400,
      [0],
      [{ ...first, index: 1.5 }],
      { outcome: 'refused', because: 'parity-index' },
    ],
    [
      'a short parity frame',
      1400,
      [0],
      [{ index: 0, bytes: first.bytes.subarray(1) }],
      { outcome: 'refused', because: 'parity-length' },
    ],
    [
      'a long parity frame',
      1400,
      [0],
      [{ index: 0, bytes: new Uint8Array(1401) }],
      { outcome: 'refused', because: 'parity-length' },
    ],
    [
      'an empty one among those that are not needed',
      1400,
      [0],
      [first, { index: 1, bytes: new Uint8Array(0) }],
      { outcome: 'refused', because: 'parity-length' },
    ],
    ['frames of another length', 1399, [0], [first], { outcome: 'refused', because: 'parity-length' }],
    ['frames of no length', 0, [0], [first], { outcome: 'refused', because: 'block' }],
    ['more frames than the code has', 13, [0], [first], { outcome: 'refused', because: 'block' }],
  ];
  for (const [name, frameBytes, missing, parity, result] of cases) {
    test(name, () => {
      for (const by of [codec, plain]) {
        const received = block.slice();
        assert.deepEqual(by.decode(received, frameBytes, missing, parity), result);
        assert.deepEqual(received, block);
      }
    });
  }

  test('a block of no bytes, or of too many', () => {
    for (const bytes of [0, 131_073]) {
      const result = codec.decode(new Uint8Array(bytes), 1400, [0], [first]);
      assert.deepEqual(result, { outcome: 'refused', because: 'block' });
    }
  });

  test('whatever comes in: nothing thrown, and nothing written but the missing frames of a block that is complete', () => {
    const number = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0, max: 9 }) },
      { weight: 1, arbitrary: fc.integer({ min: -2, max: 260 }) },
      { weight: 1, arbitrary: fc.double() },
    );
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4000 }),
        fc.oneof(fc.integer({ min: -1, max: 1500 }), fc.integer({ min: 100, max: 500 }), fc.double()),
        fc.array(number, { maxLength: 3 }),
        fc.array(fc.record({ index: number, bytes: fc.integer({ min: 0, max: 1500 }) }), { maxLength: 4 }),
        fc.boolean(),
        (bytes, frameBytes, missing, described, lengthsFit) => {
          const around = bytesOf(bytes, bytes + 64);
          const kept = around.slice();
          const parity = described.map((one) => {
            const length = lengthsFit
              ? (blockFrames(bytes, frameBytes)?.parityBytes ?? one.bytes)
              : one.bytes;
            return { index: one.index, bytes: bytesOf(one.bytes, length) };
          });
          const result = codec.decode(around.subarray(32, 32 + bytes), frameBytes, missing, parity);
          seen.add(result.outcome === 'refused' ? result.because : result.outcome);
          if (result.outcome === 'complete') {
            for (const data of missing) {
              const begin = 32 + data * frameBytes;
              around.set(kept.subarray(begin, Math.min(32 + bytes, begin + frameBytes)), begin);
            }
          }
          assert.deepEqual(around, kept);
        },
      ),
      { numRuns: 2000, seed: 6 },
    );
    assert.equal(seen.size, 8, [...seen].join(', '));
  });
});
