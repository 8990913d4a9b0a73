// When a sender is taken for too fast.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLagWatch } from './lag-watch.ts';

/** `answers`: how many bytes behind a ping its receiver's answer comes; null: never. */
function lagsOf(
  answers: Readonly<Record<string, number | null>>,
  { rounds = 40, bytesEach = 100_000 } = {},
): number {
  let sentBytes = 0;
  let number = 0;
  let lags = 0;
  let tick: () => void = () => undefined;
  const waiting: { readonly node: string; readonly number: number; readonly at: number }[] = [];
  const watch = createLagWatch({
    clock: {
      now: () => 0,
      after(_delayMs, run) {
        tick = run;
        return () => undefined;
      },
    },
    receivers: () => Object.keys(answers),
    isSending: () => true,
    sentBytes: () => sentBytes,
    ping(node) {
      number += 1;
      const behind = answers[node] ?? null;
      if (behind !== null) waiting.push({ node, number, at: sentBytes + behind });
      return number;
    },
    onLag() {
      lags += 1;
    },
  });
  for (let round = 0; round < rounds; round += 1) {
    for (const answer of waiting.filter(({ at }) => at <= sentBytes)) {
      waiting.splice(waiting.indexOf(answer), 1);
      watch.pong(answer.node, answer.number);
    }
    tick();
    sentBytes += bytesEach;
  }
  return lags;
}

test('MCTP-76: receivers that take frames soon are no lag, most of them far behind are', () => {
  assert.equal(lagsOf({ a: 100_000, b: 200_000, c: 0 }), 0);
  assert.ok(lagsOf({ a: 2_500_000, b: 2_500_000, c: 0 }) > 5);
  assert.ok(lagsOf({ a: null }) > 5, 'nothing is heard, and much was sent');
});

test('MCTP-76: one slow receiver holds up nobody, and nothing is lag while little is sent', () => {
  assert.equal(lagsOf({ a: 3_000_000, b: 0, c: 0 }), 0);
  assert.equal(lagsOf({ a: null, b: 0, c: 0, d: 0 }), 0);
  assert.equal(lagsOf({ a: null, b: null }, { bytesEach: 1_000 }), 0);
});
