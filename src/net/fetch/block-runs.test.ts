import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockRuns } from './block-runs.ts';

test('LINK-16: contiguous blocks are asked for together, up to the bound', () => {
  assert.deepEqual(blockRuns([], 4), []);
  assert.deepEqual(blockRuns([0, 1, 2, 3, 4, 7], 4), [
    { first: 0, count: 4 },
    { first: 4, count: 1 },
    { first: 7, count: 1 },
  ]);
});

test('LINK-16: runs name exactly the missing blocks', () => {
  const missing = fc.uniqueArray(fc.nat({ max: 200 })).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(missing, fc.integer({ min: 1, max: 16 }), (list, blocksMax) => {
      const runs = blockRuns(list, blocksMax);
      assert.ok(runs.every(({ count }) => count >= 1 && count <= blocksMax));
      const named = runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, n) => first + n));
      assert.deepEqual(named, list);
    }),
  );
});
