import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './until.ts';

test('asks until the condition holds, also long after the first eager turns', async () => {
  let asked = 0;
  await until('it was asked', () => ++asked > 3);
  assert.equal(asked, 4);
  const at = performance.now() + 150;
  await until('the time came', async () => performance.now() > at);
  assert.ok(performance.now() > at);
});

test('says what it waited for when the bound is over, and passes on what the condition throws', async () => {
  await assert.rejects(
    until('it rains', () => false, 20),
    /^Error: waited 0\.02 s in vain until it rains$/,
  );
  let words = 'before';
  const never = (): boolean => {
    words = 'after';
    return false;
  };
  await assert.rejects(
    until(() => words, never, 1),
    /until after$/,
  );
  const failing = until('it is there', () => {
    throw new Error('the server ended');
  });
  await assert.rejects(failing, /the server ended/);
});
