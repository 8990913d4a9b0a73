// TREE-70 to TREE-75: what a leader moves between its segment and elsewhere, by a clock that the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesPerMbit } from '../../model/rate-limit.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { createWanTraffic } from './wan-traffic.ts';

const second = 1_000;

function start() {
  const clock = createManualClock(Date.parse('2026-11-28T12:00:00Z'));
  const said: unknown[] = [];
  const link = { isUp: true };
  const traffic = createWanTraffic({
    send(message) {
      if (link.isUp) said.push(message);
      return link.isUp;
    },
    clock,
    wallNow: clock.now,
    minuteOf: () => 720,
  });
  return { clock, traffic, link, said: () => said.splice(0) };
}

const limits = { type: 'leaderLimits', segment: null, sites: {} } as const;
const eight = { mbit: 8, hours: [] };

test('TREE-70 TREE-71: each direction has the whole limit, that of the site holds beside it, and both hold until the CCM says something else', async () => {
  const { clock, traffic } = start();
  const [serve, fetch] = [traffic.serve('docs'), traffic.fetch('shop')];
  for (const pace of [serve, fetch]) assert.equal(pace(10_000_000), undefined, 'nothing was said yet');
  traffic.receive({ ...limits, wan: { segment: eight, sites: { shop: { mbit: 4, hours: [] } } } });
  // A second of each is let through at once or ahead, and the next word waits for it.
  const through = { serve: false, fetch: false };
  const wait = async (name: keyof typeof through, bytes: number): Promise<void> => {
    const pace = name === 'serve' ? serve : fetch;
    await pace(bytes);
    await pace(1);
    through[name] = true;
  };
  void wait('serve', eight.mbit * bytesPerMbit);
  void wait('fetch', eight.mbit * bytesPerMbit);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(10);
      await new Promise(setImmediate);
    }
  };
  await pass(900);
  assert.deepEqual(through, { serve: false, fetch: false });
  await pass(200);
  assert.deepEqual(through, { serve: true, fetch: false }, 'one direction does not wait for the other');
  await pass(1_100);
  assert.deepEqual(through, { serve: true, fetch: true }, 'at the half of it');
  traffic.receive(limits);
  assert.equal(serve(10_000_000), undefined, 'a CCM that says nothing of it limits nothing');
  traffic.close();
  assert.deepEqual(clock.waiting(), []);
});

test('TREE-75: it is told to a CCM that asked, every ten seconds while something moves, and what was not heard is told with the next', () => {
  const { clock, traffic, link, said } = start();
  const serve = traffic.serve('docs');
  void serve(1_000);
  clock.advance(30 * second);
  assert.deepEqual(said(), [], 'nobody asked');
  traffic.receive({ ...limits, wan: { segment: null, sites: {} } });
  clock.advance(30 * second);
  assert.deepEqual(said(), [], 'nothing moved since');
  void serve(2_000);
  void traffic.fetch('docs')(300);
  clock.advance(10 * second);
  const word = {
    type: 'leaderTraffic',
    servedBytes: 2_000,
    fetchedBytes: 300,
    tookMs: 10_000,
    bytesPerSecondMax: null,
  };
  assert.deepEqual(said(), [word]);
  link.isUp = false;
  void serve(500);
  clock.advance(10 * second);
  link.isUp = true;
  traffic.receive({ ...limits, wan: { segment: eight, sites: {} } });
  clock.advance(10 * second);
  assert.deepEqual(said(), [
    { ...word, servedBytes: 500, fetchedBytes: 0, tookMs: 20_000, bytesPerSecondMax: 1_000_000 },
  ]);
  clock.advance(60 * second);
  assert.deepEqual(said(), []);
  traffic.close();
});
