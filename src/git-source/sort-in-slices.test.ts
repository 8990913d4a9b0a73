import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sliceItems, sortInSlices } from './sort-in-slices.ts';

interface Item {
  readonly key: number;
  readonly place: number;
}

const byKey = (a: Item, b: Item): number => a.key - b.key;

for (const length of [0, 1, sliceItems, sliceItems + 1, 2 * sliceItems, 5 * sliceItems + 17]) {
  test(`${length} items come in the order that Array.sort gives, equal ones as they stood`, async () => {
    let state = length + 7;
    const items = Array.from({ length }, (_, place): Item => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return { key: state % 1_000, place };
    });
    const wanted = [...items].sort(byKey);
    assert.deepEqual(await sortInSlices(items, byKey), wanted);
  });
}

test('R2.8: others have their turn while many are sorted', async () => {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const items = Array.from({ length: 10 * sliceItems }, (_, place): Item => ({ key: -place, place }));
  await sortInSlices(items, byKey);
  done = true;
  assert.ok(turns >= 20, `${turns} turns`);
});
