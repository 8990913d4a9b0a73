import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodePayload } from '../assignment/decode-payload.ts';
import { isCompressedType } from './compressed-type.ts';
import { createContentPolicy } from './content-policy.ts';
import { encodeFile, staysAsItIs } from './encode-file.ts';

const insert = (bytes: Buffer, text: string) =>
  Buffer.concat([bytes.subarray(0, bytes.length >> 1), Buffer.from(text), bytes.subarray(bytes.length >> 1)]);

describe('choice of codec', () => {
  test('N47: whatever is chosen decodes to the file and is never larger', () => {
    const contents = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 0, max: 90_000 }).map((length) => randomBytes(length)),
      fc
        .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 90_000 }))
        .map(([text, length]) => Buffer.alloc(length, text)),
    );
    fc.assert(
      fc.property(
        contents,
        fc.option(contents, { nil: undefined }),
        fc.constantFrom('auto', 'store', 'deflate', 'zstd'),
        fc.boolean(),
        (bytes, base, choice, compressed) => {
          const withBase = base === undefined ? {} : { base };
          const encoded = encodeFile({ bytes, choice, compressed, ...withBase });
          assert.ok(encoded.bytes.length <= bytes.length);
          if (staysAsItIs({ bytes, choice, compressed, ...withBase })) assert.equal(encoded.bytes, bytes);
          assert.ok(
            decodePayload(encoded.codec, encoded.bytes, { size: bytes.length, ...withBase }).equals(bytes),
          );
          if (choice === 'store') assert.equal(encoded.codec, 'store');
          if (choice === 'deflate') assert.ok(['store', 'deflate'].includes(encoded.codec));
          if (choice === 'zstd') assert.notEqual(encoded.codec, 'deflate');
        },
      ),
      { numRuns: 200 },
    );
  });

  for (const [name, bytes, limit] of [
    ['64 KiB', 65_536, 100],
    ['1 MiB', 1024 ** 2, 500],
    ['4 MiB', 4 * 1024 ** 2, 2048],
    ['8 MiB less a page', 8 * 1024 ** 2 - 4096, 4096],
  ] as const) {
    test(`R2.2: 5 bytes inserted in ${name} of noise cost less than ${limit} bytes`, () => {
      const base = randomBytes(bytes);
      const edited = insert(base, 'hello');
      const { codec, bytes: encoded } = encodeFile({
        bytes: edited,
        base,
        choice: 'auto',
        compressed: false,
      });
      assert.equal(codec, 'zstd-base');
      assert.ok(encoded.length < limit, `${encoded.length}`);
      assert.ok(decodePayload(codec, encoded, { size: edited.length, base }).equals(edited));
    });
  }

  test('R2.2: old versions above 8 MiB are not used, and files above it travel whole', () => {
    const large = randomBytes(8 * 1024 ** 2 + 1);
    assert.equal(
      encodeFile({ bytes: large.subarray(0, 100_000), base: large, choice: 'auto', compressed: false }).codec,
      'store',
    );
    assert.equal(
      encodeFile({ bytes: large, base: large.subarray(1), choice: 'auto', compressed: false }).codec,
      'store',
    );
  });

  test('R2.2: each codec is the smallest somewhere', () => {
    const text = (length: number) =>
      Buffer.from(Array.from({ length: length / 10 }, (_, i) => `line ${i * 7919}`).join('\n'));
    const choose = (bytes: Buffer, base?: Buffer) =>
      encodeFile({ bytes, choice: 'auto', compressed: false, ...(base === undefined ? {} : { base }) }).codec;
    assert.equal(choose(randomBytes(4000)), 'store');
    assert.equal(
      choose(
        Buffer.from(
          '<!doctype html><html lang="en"><title>A small page</title><p>Text of it, and more text.</p></html>',
        ),
      ),
      'deflate',
    );
    assert.equal(choose(text(5_000)), 'deflate');
    assert.equal(choose(text(100_000)), 'zstd');
    assert.equal(choose(insert(text(100_000), 'new'), text(100_000)), 'zstd-base');
  });

  test('R2.3: the first matching glob decides; without a slash it is matched against the name', () => {
    const policy = createContentPolicy({
      compression: [
        { glob: '*.gif', codec: 'store' },
        { glob: 'docs/**', codec: 'deflate' },
      ],
      encryption: [{ glob: '{public,img}/**', cipher: 'none' }],
    });
    assert.deepEqual(policy('a/b/c.gif'), { codec: 'store', cipher: 'aes-256-gcm' });
    assert.deepEqual(policy('docs/.x/c.gif'), { codec: 'store', cipher: 'aes-256-gcm' });
    assert.deepEqual(policy('docs/.x/c.html'), { codec: 'deflate', cipher: 'aes-256-gcm' });
    assert.deepEqual(policy('img/logo.svg'), { codec: 'auto', cipher: 'none' });
    assert.equal(isCompressedType('a/B.JPG'), true);
    assert.equal(isCompressedType('jpg'), false);
  });
});
