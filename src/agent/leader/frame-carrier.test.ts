import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import { agentMessageBytesMax } from '../../net/link/limits.ts';
import { signFrame } from '../../net/relay/signed-frame.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { bundleBytesMax, bundleDelayMs, createFrameCarrier } from './frame-carrier.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const frame = (counter: number, text: string) =>
  signFrame({ session: 'ab'.repeat(16), node: 'web-1', counter, text }, privateKey);

test('LEAD-26: words go up in bundles, in their order, after a short wait, when it is said, and before a bundle is too large', () => {
  const clock = createManualClock();
  const said: LeaderAgentMessage[] = [];
  const carrier = createFrameCarrier({ send: (message) => said.push(message), clock });
  const counters = () =>
    said.map((message) => (message.type === 'relayed' ? message.frames.map(({ counter }) => counter) : []));
  carrier.carry(frame(1, 'a'));
  carrier.carry(frame(2, 'b'));
  clock.advance(bundleDelayMs - 1);
  assert.deepEqual(counters(), []);
  clock.advance(1);
  assert.deepEqual(counters(), [[1, 2]]);
  carrier.carry(frame(3, 'c'));
  carrier.flush();
  assert.deepEqual(counters(), [[1, 2], [3]]);
  clock.advance(1_000);
  carrier.flush();
  assert.equal(said.length, 2, 'nothing is said when there is nothing');
  carrier.carry(frame(4, 'd'));
  carrier.clear();
  clock.advance(1_000);
  assert.equal(said.length, 2);

  said.length = 0;
  // Escaped, each is as long again.
  const text = JSON.stringify({ quotes: '"'.repeat(30_000) });
  for (let counter = 0; counter < 40; counter++) carrier.carry(frame(counter, text));
  clock.advance(bundleDelayMs);
  assert.deepEqual(
    counters().flat(),
    Array.from({ length: 40 }, (_, counter) => counter),
  );
  for (const message of said) {
    const bytes = Buffer.byteLength(JSON.stringify(message));
    assert.ok(bytes <= bundleBytesMax && bytes <= agentMessageBytesMax, String(bytes));
  }
  assert.ok(said.length < 15, 'and not many small ones');
});
