import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { blockHash } from '../assignment/block-layout.ts';
import { decodePayload } from '../assignment/decode-payload.ts';
import { unsealBlock } from '../assignment/seal.ts';
import { createBuildPool, inlineJobBytesMax } from './build-pool.ts';
import type { FileToEncode } from './encode-file.ts';

const pool = createBuildPool({ threads: 2 });
before(() => pool.warm());
after(() => pool.close());

const text = (length: number) =>
  Buffer.from('<p>Some text of a page, again and again.</p>\n'.repeat(length / 40 + 1)).subarray(0, length);

describe('build pool', () => {
  for (const [where, scale] of [
    ['on the calling thread', 1],
    ['in a worker', 40],
  ] as const) {
    test(`R2.8: files are encoded ${where}, results in order, the caller's bytes untouched`, async () => {
      const base = randomBytes(5000 * scale);
      const files: FileToEncode[] = [
        { bytes: text(2000 * scale), choice: 'auto', compressed: false },
        { bytes: randomBytes(3000 * scale), choice: 'auto', compressed: false },
        { bytes: Buffer.concat([base, Buffer.from('x')]), base, choice: 'auto', compressed: true },
        { bytes: text(2000 * scale), choice: 'deflate', compressed: false },
        { bytes: text(2000 * scale), choice: 'store', compressed: false },
        { bytes: Buffer.alloc(0), choice: 'auto', compressed: false },
      ];
      const total = files.reduce((sum, f) => sum + 4096 + f.bytes.length + (f.base?.length ?? 0), 0);
      assert.equal(total > inlineJobBytesMax, scale > 1);
      const copies = files.map(({ bytes }) => Buffer.from(bytes));
      const encoded = await pool.encodeFiles(files);
      const codecs = encoded.map(({ codec }) => codec);
      assert.deepEqual(codecs.slice(1), ['store', 'zstd-base', 'deflate', 'store', 'store']);
      for (const [i, { codec, bytes }] of encoded.entries()) {
        const file = files[i] as FileToEncode;
        assert.deepEqual(Buffer.from(file.bytes), copies[i]);
        assert.ok(bytes.length <= file.bytes.length);
        const options = { size: file.bytes.length, ...(file.base === undefined ? {} : { base: file.base }) };
        assert.ok(decodePayload(codec, bytes, options).equals(file.bytes));
      }
    });

    test(`R2.8: blocks are sealed and hashed ${where}`, async () => {
      const payloads = Array.from({ length: 5 }, () => randomBytes(3000 * scale));
      const dataKey = randomBytes(32);
      const sealed = await pool.finishBlocks({ dataKey, firstIndex: 7, payloads });
      for (const [i, { bytes, hash }] of sealed.entries()) {
        assert.ok(unsealBlock(dataKey, 7 + i, bytes).equals(payloads[i] as Buffer));
        assert.deepEqual(Buffer.from(hash), blockHash(bytes));
      }
      const plain = await pool.finishBlocks({ dataKey: null, firstIndex: 0, payloads });
      for (const [i, { bytes, hash }] of plain.entries()) {
        assert.equal(bytes, payloads[i]);
        assert.deepEqual(Buffer.from(hash), blockHash(bytes));
      }
    });
  }
});

test('R2.8: many tiny files go to a worker: starting on each costs more than its bytes', async () => {
  const cold = createBuildPool({ threads: 1 });
  let started = 0;
  const count = (): void => {
    started += 1;
  };
  process.on('worker', count);
  try {
    const files = Array.from(
      { length: 400 },
      (): FileToEncode => ({
        bytes: text(100),
        choice: 'auto',
        compressed: false,
      }),
    );
    assert.equal((await cold.encodeFiles(files)).length, files.length);
    assert.equal(started, 1);
  } finally {
    process.off('worker', count);
    await cold.close();
  }
});
