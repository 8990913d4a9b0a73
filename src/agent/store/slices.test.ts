// Long work lets go of the event loop, stops when asked to, and always closes what it opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInSlices, type Steps } from './slices.ts';

/** Keeps the processor busy for `ms` in steps of about 1 ms. */
function* busy(ms: number, closed: () => void): Steps<string> {
  try {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      for (const step = performance.now() + 1; performance.now() < step; );
      yield;
    }
    return 'done';
  } finally {
    closed();
  }
}

test('the event loop turns while a long piece of work runs', async () => {
  let turns = 0;
  let running = true;
  const turn = (): void => {
    turns++;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  assert.equal(await runInSlices(busy(80, () => {})), 'done');
  running = false;
  assert.ok(turns >= 5, `the loop turned ${turns} times in 80 ms`);
});

test('an abort stops the work at a step and closes it', async () => {
  const controller = new AbortController();
  let closes = 0;
  setImmediate(() => controller.abort());
  await assert.rejects(
    runInSlices(
      busy(10_000, () => closes++),
      controller.signal,
    ),
    { code: 'ABORTED' },
  );
  assert.equal(closes, 1);
});
