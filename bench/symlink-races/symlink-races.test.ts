import assert from 'node:assert/strict';
import { test } from 'node:test';
import { race } from './race.ts';

for (const slots of [false, true]) {
  test(`N58: nothing outside changes or is served while a second process swaps ${slots ? 'also the store’s own directories' : 'what lies in the trees'} for links (seed 1)`, async () => {
    const { swaps, deeds, changes, leaks } = await race({ tries: 2_000, seed: 1, slots, say: () => {} });
    assert.deepEqual(changes, []);
    assert.equal(leaks, 0);
    assert.ok(swaps >= 2_000 && (deeds['stage: done'] ?? 0) > 0, JSON.stringify(deeds));
  });
}
