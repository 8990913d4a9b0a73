// Long work lets go of the event loop, stops when asked to, and always closes what it opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInSlices, type Steps } from './slices.ts';

/** Keeps the processor busy for a number of steps, each of 1 ms or more. */
function* busy(steps: number, closed: () => void): Steps<string> {
  try {
    for (let left = steps; left > 0; left -= 1) {
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
  // A slice has room for eight such steps, and for fewer where the machine is slow.
  assert.ok(turns >= 9, `the loop turned ${turns} times in 80 steps`);
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
