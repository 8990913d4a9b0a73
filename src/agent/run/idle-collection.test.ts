// The agent's memory is given back when it rests, once, and again after something happened.

import { test } from 'node:test';
import { until } from '../../plugins/testing/until.ts';
import { createIdleCollection } from './idle-collection.ts';

test('memory is given back once when nothing happens, and again after something did', async () => {
  let collections = 0;
  const collection = createIdleCollection(() => {
    collections += 1;
  }, 20);
  try {
    await until('memory was given back', () => collections === 1);
    collection.soon();
    await until('it was given back again', () => collections === 2);
  } finally {
    collection.close();
  }
});

test('what V8 is asked for is there: unreachable memory is gone afterwards', async () => {
  let collected = 0;
  const registry = new FinalizationRegistry(() => {
    collected += 1;
  });
  registry.register(
    Array.from({ length: 1_000 }, () => ({})),
    undefined,
  );
  const collection = createIdleCollection(undefined, 20);
  try {
    await until('the array is gone', () => collected === 1);
  } finally {
    collection.close();
  }
});
