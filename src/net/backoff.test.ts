import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBackoff } from './backoff.ts';

test('LINK-7: waits double between the bounds, and start again after a success', () => {
  const backoff = createBackoff({ minMs: 100, maxMs: 5_000, random: () => 0.999_999 });
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  backoff.reset();
  assert.equal(backoff.next(), 100);
});

test('LINK-7: jitter never leaves the bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }), (draws) => {
      let index = 0;
      const random = (): number => draws[index++ % draws.length] as number;
      const backoff = createBackoff({ minMs: 100, maxMs: 5_000, random });
      for (let n = 0; n < 20; n++) {
        const waitMs = backoff.next();
        assert.ok(waitMs >= 100 && waitMs <= 5_000);
      }
    }),
  );
});
