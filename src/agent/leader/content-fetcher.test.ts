import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldAnswer } from './ask-held.ts';
import { shareOut } from './content-fetcher.ts';

const holder = (node: string, has: (index: number) => boolean) => ({
  holder: { node, address: '127.0.0.1', port: 1 },
  has,
});
const all = Array.from({ length: 300 }, (_, index) => index);

test('LEAD-35: each block is asked of one that holds it, in runs, of all about as much; what nobody holds of nobody', () => {
  const shares = shareOut(all, [
    holder('a', (index) => index < 250),
    holder('b', (index) => index < 250),
    holder('c', (index) => index >= 100 && index < 260),
    holder('d', () => false),
  ]);
  assert.deepEqual(
    shares.flatMap(({ indexes }) => indexes).sort((a, b) => a - b),
    all.slice(0, 260),
  );
  for (const { holder: of, indexes } of shares) {
    assert.ok(indexes.every((index) => of.node !== 'c' || index >= 100));
    assert.ok(indexes.length >= 60 && indexes.length <= 130, `${of.node}: ${indexes.length}`);
    const runs = indexes.filter((index, at) => at === 0 || indexes[at - 1] !== index - 1).length;
    assert.ok(runs <= 3, `${of.node}: ${runs} runs`);
  }
  assert.deepEqual(shareOut(all, []), []);
});

test('LEAD-35: what is held is a bit for each block, the lowest of each byte first', () => {
  const { blocks, held } = heldAnswer(10, (index) => index === 0 || index === 9);
  assert.deepEqual([blocks, [...Buffer.from(held, 'base64')]], [10, [1, 2]]);
  assert.deepEqual(
    heldAnswer(0, () => true),
    { blocks: 0, held: '' },
  );
});
