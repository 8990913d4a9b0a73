import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { frameBytesMax } from './block-frames.ts';
import {
  type CombineKernel,
  coefficientsAt,
  framesAt,
  memoryBytes,
  rowsAt,
  sumStride,
  sumsAt,
} from './combine-kernel.ts';
import { createSimdKernel } from './fastest-kernel.ts';
import { logarithm, multiply, power } from './galois-field.ts';
import { createPlainKernel } from './plain-kernel.ts';
import { slowProduct } from './testing/reference-code.ts';

const simd = createSimdKernel();
assert(simd, 'this Node.js and this processor have vector instructions');
const kernels: readonly (readonly [string, CombineKernel])[] = [
  ['vector instructions', simd],
  ['plain TypeScript', createPlainKernel()],
];

test('the field: products, powers and logarithms are those of the polynomial 0x11d', () => {
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) assert.equal(multiply(a, b), slowProduct(a, b));
  }
  let value = 1;
  for (let exponent = 0; exponent < 255; exponent++) {
    assert.equal(power(exponent), value);
    assert.equal(power(exponent - 255 * 90), value);
    assert.equal(power(exponent + 255 * 90), value);
    assert.equal(logarithm(value), exponent);
    value = slowProduct(value, 2);
  }
  assert.equal(value, 1);
});

for (const [name, kernel] of kernels) {
  describe(`sums of frames by ${name}`, () => {
    const { memory } = kernel;

    test('every coefficient times every byte is right, in both rows', () => {
      for (let byte = 0; byte < 256; byte++) memory[framesAt + byte] = byte;
      for (let coefficient = 0; coefficient < 256; coefficient++) {
        for (const rows of [1, 2] as const) {
          memory.fill(0, rowsAt[0], rowsAt[1] + 256);
          memory[coefficientsAt[0]] = coefficient;
          memory[coefficientsAt[1]] = 255 - coefficient;
          kernel.combine(rows, framesAt, 256, 1, 256);
          for (let byte = 0; byte < 256; byte++) {
            assert.equal(memory[rowsAt[0] + byte], multiply(coefficient, byte));
            assert.equal(memory[rowsAt[1] + byte], rows === 2 ? multiply(255 - coefficient, byte) : 0);
          }
        }
      }
    });

    test('what a row held stays in the sum; no frames add nothing', () => {
      memory.fill(5, rowsAt[0], rowsAt[0] + 10);
      memory.fill(3, framesAt, framesAt + 10);
      memory.fill(1, coefficientsAt[0], coefficientsAt[0] + 2);
      kernel.combine(1, framesAt, 1400, 0, 10);
      assert.deepEqual([...memory.subarray(rowsAt[0], rowsAt[0] + 10)], Array(10).fill(5));
      kernel.combine(1, framesAt, 1400, 1, 10);
      assert.deepEqual([...memory.subarray(rowsAt[0], rowsAt[0] + 10)], Array(10).fill(6));
    });
  });
}

test('both kernels give the same rows from the same memory, and write nowhere else', () => {
  const plain = createPlainKernel();
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2),
      fc.integer({ min: 0, max: 254 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 40 }),
      fc.uint8Array({ minLength: 40, maxLength: 80 }),
      (rows, count, bytes, gap, pattern) => {
        for (const { memory } of [simd, plain]) {
          for (let at = coefficientsAt[0]; at < memoryBytes; at++) {
            memory[at] = (pattern[at % pattern.length] as number) ^ (at >> 7);
          }
        }
        const before = simd.memory.slice();
        for (const kernel of [simd, plain]) {
          kernel.combine(rows === 1 ? 1 : 2, framesAt, bytes + gap, count, bytes);
        }
        for (const at of rowsAt) {
          assert.deepEqual(simd.memory.subarray(at, at + bytes), plain.memory.subarray(at, at + bytes));
          // Up to the next multiple of 64 it may write; from there on it may not.
          before.set(simd.memory.subarray(at, at + sumStride(bytes)), at);
        }
        assert(Buffer.from(before.buffer).equals(simd.memory), 'something else has changed');
      },
    ),
    { numRuns: 60 },
  );
});

test('the largest frames and the most rows have room in the memory', () => {
  assert(
    rowsAt[1] - rowsAt[0] >= sumStride(frameBytesMax) && framesAt - rowsAt[1] >= sumStride(frameBytesMax),
  );
  for (let dataFrames = 1; dataFrames < 255; dataFrames++) {
    const frameBytes = Math.min(frameBytesMax, Math.ceil(131_072 / dataFrames));
    const sums = Math.min(dataFrames, 255 - dataFrames);
    assert(sumsAt + sums * sumStride(frameBytes) <= memoryBytes, `${dataFrames} frames`);
  }
  assert.equal(simd.memory.length, memoryBytes);
});

test('on a processor without vector instructions the plain kernel is taken, and blocks come out the same', () => {
  const program = `
    const { createParityCodec } = await import(${JSON.stringify(new URL('./parity-codec.ts', import.meta.url).href)});
    const { createSimdKernel } = await import(${JSON.stringify(new URL('./fastest-kernel.ts', import.meta.url).href)});
    const block = Uint8Array.from({ length: 5000 }, (_, at) => at);
    const [parity] = createParityCodec().encodeParity(block, 1400, [7]);
    process.stdout.write(JSON.stringify({ simd: createSimdKernel() !== null, parity: Buffer.from(parity).toString('hex') }));
  `;
  const run = (flags: readonly string[]): { simd: boolean; parity: string } =>
    JSON.parse(
      execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', program], {
        encoding: 'utf8',
      }),
    ) as { simd: boolean; parity: string };
  const usual = run([]);
  const without = run(['--no-enable-sse4-1']);
  assert.deepEqual([usual.simd, without.simd], [true, process.arch !== 'x64']);
  assert.equal(without.parity, usual.parity);
});
