import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createWasmSipHash, fastestSipHash } from './fastest-siphash.ts';
import { createFrameMac, macBytes, macKeyBytes } from './frame-mac.ts';
import { createPlainSipHash } from './plain-siphash.ts';
import { messageBytesMax, type SipHash } from './siphash.ts';

/** Of the authors' own table: the key is 00 01 … 0f, message number n is 00 01 … of n bytes. */
const officialTags = `
  310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785 b7877127e09427cf 8da699cd64557618
  cee3fe586e46c9cb 37d1018bf50002ab 6224939a79f5f593 b0e4a90bdf82009e f3b9dd94c5bb5d7a a7ad6b22462fb3f4
  fbe50e86bc8f1e75 903d84c02756ea14 eef27a8e90ca23f7 e545be4961ca29a1 db9bc2577fcc2a3f 9447be2cf5e99a69
  9cd38d96f0b3c14b bd6179a71dc96dbb 98eea21af25cd6be c7673b2eb0cbf2d0 883ea3e395675393 c8ce5ccd8c030ca8
  94af49f6c650adb8 eab8858ade92e1bc f315bb5bb835d817 adcf6b0763612e2f a5c91da7acaa4dde 716595876650a2a6
  28ef495c53a387ad 42c341d8fa92d832 ce7cf2722f512771 e37859f94623f3a7 381205bb1ab0e012 ae97a10fd434e015
  b4a31508beff4d31 81396229f0907902 4d0cf49ee5d4dcca 5c73336a76d8bf9a d0a704536ba93e0e 925958fcd6420cad
  a915c29bc8067318 952b79f3bc0aa6d4 f21df2e41d4535f9 87577519048f53a9 10a56cf5dfcd9adb eb75095ccd986cd0
  51a9cb9ecba312e6 96afadfc2ce666c7 72fe52975a4364ee 5a1645b276d592a1 b274cb8ebf87870a 6f9bb4203de7b381
  eaecb2a30b22a87f 9924a43cc1315724 bd838d3aafbf8db7 0b1a2a3265d51aea 135079a3231ce660 932b2846e4d70666
  e1915f5cb1eca46c f325965ca16d629f 575ff28e60381be5 724506eb4c328a95`
  .trim()
  .split(/\s+/);

const counting = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, index) => index);
const inWasm = createWasmSipHash();
assert(inWasm, 'this Node.js has WebAssembly');

const hashes: readonly (readonly [string, SipHash])[] = [
  ['WebAssembly', inWasm],
  ['plain TypeScript', createPlainSipHash()],
];

for (const [name, sipHash] of hashes) {
  describe(`SipHash-2-4 in ${name}`, () => {
    test('gives the tags of the official table', () => {
      const mac = createFrameMac(counting(16), sipHash);
      const tags = officialTags.map((_, bytes) => {
        const header = new Uint8Array(macBytes);
        mac.sign(header, counting(bytes));
        return Buffer.from(header).toString('hex');
      });
      assert.equal(tags.length, 64);
      assert.deepEqual(tags, officialTags);
    });

    test('a header before the MAC and the payload behind it are hashed as one message, and nothing else of the frame is touched', () => {
      const mac = createFrameMac(counting(16), sipHash);
      for (const [bytes, tag] of officialTags.entries()) {
        for (const before of [1, 8, 24, 33]) {
          if (before > bytes) continue;
          const message = counting(bytes);
          const header = Buffer.alloc(before + macBytes, 0xee);
          header.set(message.subarray(0, before));
          mac.sign(header, message.subarray(before));
          assert.equal(header.toString('hex', before), tag);
          assert.deepEqual(header.subarray(0, before), Buffer.from(message.subarray(0, before)));
          const frame = Buffer.concat([header, message.subarray(before)]);
          const kept = Buffer.from(frame);
          assert.equal(mac.verify(frame, header.length), true);
          assert.deepEqual(frame, kept);
        }
      }
    });

    test('any flipped bit, a byte more or less, another key, another place of the MAC: refused', () => {
      const key = counting(16);
      const mac = createFrameMac(key, sipHash);
      const header = Buffer.alloc(20, 7);
      const payload = Buffer.alloc(45, 9);
      mac.sign(header, payload);
      const frame = Buffer.concat([header, payload]);
      assert.equal(mac.verify(frame, 20), true);
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const forged = Buffer.from(frame);
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(mac.verify(forged, 20), false, `bit ${bit}`);
      }
      assert.equal(mac.verify(frame.subarray(0, -1), 20), false);
      assert.equal(mac.verify(Buffer.concat([frame, Buffer.alloc(1)]), 20), false);
      for (const place of [8, 19, 21, 65]) assert.equal(mac.verify(frame, place), false);
      for (let index = 0; index < 16; index++) {
        const other = Buffer.from(key);
        other[index] = (other[index] ?? 0) ^ 0x80;
        assert.equal(createFrameMac(other, sipHash).verify(frame, 20), false);
      }
    });

    test('what cannot be a frame is refused, whatever was hashed before', () => {
      const mac = createFrameMac(counting(16), sipHash);
      const frame = Buffer.alloc(100);
      for (const headerBytes of [-1, 0, 7, 101, 1e9, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.equal(mac.verify(frame, headerBytes), false, `${headerBytes}`);
      }
      assert.equal(mac.verify(Buffer.alloc(0), 8), false);
      assert.equal(mac.verify(Buffer.alloc(messageBytesMax + 1), 8), false);
      assert.throws(() => mac.sign(Buffer.alloc(7), frame), RangeError);
      assert.throws(() => mac.sign(Buffer.alloc(8), Buffer.alloc(messageBytesMax - 7)), RangeError);

      const header = Buffer.alloc(8);
      const largest = Buffer.alloc(messageBytesMax - 8, 1);
      mac.sign(header, largest);
      assert.equal(mac.verify(Buffer.concat([header, largest]), 8), true);
      mac.sign(header, Buffer.alloc(0));
      assert.equal(header.toString('hex'), officialTags[0]);
    });
  });
}

test('both give the same MAC for any key, header and payload', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: macKeyBytes, maxLength: macKeyBytes }),
      fc.uint8Array({ minLength: macBytes, maxLength: 64 }),
      fc.uint8Array({ maxLength: 1500 }),
      (key, header, payload) => {
        const [first = '', second] = hashes.map(([, sipHash]) => {
          const own = Buffer.from(header);
          const mac = createFrameMac(key, sipHash);
          mac.sign(own, payload);
          assert(mac.verify(Buffer.concat([own, payload]), own.length));
          return own.toString('hex');
        });
        assert.equal(first, second);
      },
    ),
    { numRuns: 500 },
  );
});

test('a key is of 16 bytes, anywhere in a larger buffer, and is not kept', () => {
  for (const bytes of [0, 15, 17]) assert.throws(() => createFrameMac(new Uint8Array(bytes)), RangeError);
  const buffer = new Uint8Array(20);
  buffer.set(counting(16), 3);
  const mac = createFrameMac(buffer.subarray(3, 19));
  buffer.fill(0);
  const header = new Uint8Array(macBytes);
  mac.sign(header, counting(5));
  assert.equal(Buffer.from(header).toString('hex'), officialTags[5]);
});

test('without WebAssembly the plain one is taken', () => {
  const kept = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
  assert(kept);
  Reflect.deleteProperty(globalThis, 'WebAssembly');
  try {
    assert.equal(createWasmSipHash(), null);
    const header = new Uint8Array(macBytes);
    createFrameMac(counting(16), fastestSipHash()).sign(header, counting(63));
    assert.equal(Buffer.from(header).toString('hex'), officialTags[63]);
  } finally {
    Object.defineProperty(globalThis, 'WebAssembly', kept);
  }
});
