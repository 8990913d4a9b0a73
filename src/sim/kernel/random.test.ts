import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './random.ts';

const draw = (seed: number | bigint, stream: string): number[] => {
  const random = createRandom(seed, stream);
  return Array.from({ length: 8 }, () => random.below(1_000_000));
};

test('X16: equal seeds draw equal numbers; other seeds and other streams draw others', () => {
  assert.deepEqual(draw(7, 'network'), draw(7n, 'network'));
  const all = [draw(7, 'network'), draw(8, 'network'), draw(7, 'faults'), draw(7n + (1n << 40n), 'network')];
  assert.equal(new Set(all.map(String)).size, all.length);
});

test('X16: draws are spread evenly and stay in their limits', () => {
  const random = createRandom(1, 'spread');
  const counts = Array.from({ length: 10 }, () => 0);
  for (let turn = 0; turn < 100_000; turn += 1) {
    const drawn = random.below(10);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(count > 9_500 && count < 10_500, String(counts));
  for (let turn = 0; turn < 1000; turn += 1) {
    const between = random.between(5, 6);
    assert.ok(between >= 5 && between < 6);
  }
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
  assert.deepEqual(
    random.shuffled([1, 2, 3, 4, 5]).sort((x, y) => x - y),
    [1, 2, 3, 4, 5],
  );
});
