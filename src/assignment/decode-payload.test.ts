import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import type { Codec } from '../model/assignment.ts';
import { decodePayload, decodePayloadStream } from './decode-payload.ts';

const base = Buffer.from('<html>the old version of the page</html>'.repeat(10));
const encoders: Readonly<Record<Codec, (bytes: Uint8Array) => Buffer>> = {
  store: (bytes) => Buffer.from(bytes),
  deflate: (bytes) => deflateRawSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
  'zstd-base': (bytes) => zstdCompressSync(bytes, { dictionary: base }),
};
const codecs = Object.keys(encoders) as Codec[];

async function collect(codec: Codec, bytes: Uint8Array, size: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const cut = [bytes.subarray(0, 7), bytes.subarray(7)];
  for await (const piece of decodePayloadStream(codec, cut, { size, base })) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('decoding payloads', () => {
  test('ASG-26: every codec gives back the bytes, whole and streamed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...codecs),
        fc.uint8Array({ maxLength: 3000 }),
        async (codec, bytes) => {
          const encoded = encoders[codec](bytes);
          assert.deepEqual(decodePayload(codec, encoded, { size: bytes.length, base }), Buffer.from(bytes));
          assert.deepEqual(await collect(codec, encoded, bytes.length), Buffer.from(bytes));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('ASG-27: a bomb stops at the declared size, whole and streamed; too few bytes are refused too', async () => {
    const bytes = Buffer.alloc(50_000_000);
    const refused = { code: 'ASSIGNMENT_MALFORMED' };
    for (const codec of ['deflate', 'zstd'] as const) {
      const encoded = encoders[codec](bytes);
      for (const size of [0, 1, 1000, 60_000_000]) {
        assert.throws(() => decodePayload(codec, encoded, { size }), refused);
        let produced = 0;
        await assert.rejects(async () => {
          for await (const piece of decodePayloadStream(codec, [encoded], { size })) produced += piece.length;
        }, refused);
        assert.ok(produced <= size);
      }
    }
    assert.throws(() => decodePayload('store', bytes, { size: 1 }), refused);
    await assert.rejects(collect('store', bytes, 1), refused);
  });

  test('ASG-27: truncated payloads, appended bytes and noise are refused with a code', async () => {
    const bytes = Buffer.from('some text that is long enough to be compressed, compressed, compressed');
    for (const codec of codecs) {
      const encoded = encoders[codec](bytes);
      for (const broken of [
        encoded.subarray(0, -1),
        Buffer.alloc(0),
        Buffer.concat([encoded, encoded]),
        Buffer.alloc(40, 0xa5),
      ]) {
        assert.throws(() => decodePayload(codec, broken, { size: bytes.length, base }), {
          code: 'ASSIGNMENT_MALFORMED',
        });
        await assert.rejects(collect(codec, broken, bytes.length), { code: 'ASSIGNMENT_MALFORMED' });
      }
    }
  });

  test('ASG-28: zstd-base needs its base, and neither side may exceed 8 MiB', () => {
    const encoded = encoders['zstd-base'](Buffer.from('x'));
    assert.throws(() => decodePayload('zstd-base', encoded, { size: 1 }), { code: 'ASSIGNMENT_MALFORMED' });
    const large = Buffer.alloc(8 * 1024 ** 2 + 1);
    assert.throws(() => decodePayload('zstd-base', encoded, { size: 1, base: large }), {
      code: 'ASSIGNMENT_MALFORMED',
    });
    assert.throws(() => decodePayload('zstd-base', encoded, { size: large.length, base }), {
      code: 'ASSIGNMENT_MALFORMED',
    });
  });

  test('ASG-28: a frame that asks for a window above 16 MiB is refused before it is allotted', () => {
    const params = { [constants.ZSTD_c_windowLog]: 26 };
    const encoded = zstdCompressSync(Buffer.alloc(1), { params, pledgedSrcSize: 1 });
    assert.equal(decodePayload('zstd', encoded, { size: 1 }).length, 1);
    // Unknown content size, so that the frame carries its window.
    const wide = Buffer.from(encoders.zstd(Buffer.alloc(100)));
    const descriptor = wide[4] as number;
    const windowed = Buffer.concat([
      wide.subarray(0, 4),
      Buffer.from([descriptor & 0x1f & ~0x20, (26 - 10) << 3]),
      wide.subarray(5),
    ]);
    assert.throws(() => decodePayload('zstd', windowed, { size: 100 }), { code: 'ASSIGNMENT_MALFORMED' });
  });

  test('errors of the source reach the reader of the stream as they are', async () => {
    const failure = new Error('disk');
    async function* broken() {
      yield encoders.zstd(Buffer.from('abc')).subarray(0, 3);
      throw failure;
    }
    await assert.rejects(async () => {
      for await (const _ of decodePayloadStream('zstd', broken(), { size: 3 }))
        assert.fail('nothing can be decoded');
    }, failure);
  });
});
