import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MctpReceiverEffect } from './mctp-machines.ts';
import {
  decodeFrameSet,
  digestsPerPart,
  encodeFrameSet,
  frameDigestBytes,
  type MctpStatus,
  statusBytes,
  statusBytesMax,
} from './mctp-messages.ts';

test('MCTP-12: a set of missing frames is read as it was written, in no more bytes than a bitmap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 255 }), fc.infiniteStream(fc.boolean()), (frames, coins) => {
      const set = Array.from({ length: frames }, (_, index) => index).filter(() => coins.next().value);
      const bytes = encodeFrameSet(set, frames);
      assert.ok(bytes.length <= Math.min(set.length, Math.ceil(frames / 8)));
      assert.deepEqual(decodeFrameSet(bytes, frames), set);
    }),
  );
});

test('MCTP-12: what is no set of frames is refused, and sequences beyond the block are left out', () => {
  assert.equal(decodeFrameSet(new Uint8Array(13), 91), undefined);
  assert.deepEqual(decodeFrameSet(Uint8Array.of(3, 90, 91, 255), 91), [3, 90]);
  assert.deepEqual(decodeFrameSet(new Uint8Array(12).fill(255), 91)?.length, 91);
});

test('R8.2 MCTP-12: a status with half of 54 blocks missing fits in one datagram', () => {
  const half = encodeFrameSet(
    Array.from({ length: 46 }, (_, index) => 2 * index),
    91,
  );
  const status: MctpStatus = {
    ...{ type: 'status', session: 1, round: 0, state: 'receiving', reason: '', asOf: 9, heard: 5 },
    missing: Array.from({ length: 54 }, (_, block) => ({ block, lacks: 46, frames: half })),
    ...{ absent: [{ from: 60, to: 2000 }], forged: [] },
  };
  const said: MctpReceiverEffect = { effect: 'send', to: { node: 'web-1' }, message: status };
  assert.ok(statusBytes(said.message) <= statusBytesMax, `${statusBytes(status)}`);
});

test('MCTP-30: a part of a digest list fits in one datagram, with its signature', () => {
  assert.ok(digestsPerPart * frameDigestBytes + 64 + 100 <= statusBytesMax + 100);
});
