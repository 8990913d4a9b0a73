import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesPerMbit } from '../../model/rate-limit.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { createMulticastRates } from './multicast-rates.ts';

const mbit = (value: number): number => value * bytesPerMbit;
const minuteMs = 60_000;

function start() {
  const clock = createManualClock(Date.parse('2026-11-28T17:58:00Z'));
  const rates = createMulticastRates({
    clock,
    wallNow: clock.now,
    minuteOf: (atMs) => Math.floor(atMs / minuteMs) % 1_440,
  });
  const applied: string[] = [];
  const begin = (site: string) =>
    rates.begin(site, (allowed) =>
      applied.push(`${site} ${allowed === null ? 'free' : allowed / bytesPerMbit}`),
    );
  return { clock, rates, begin, taken: () => applied.splice(0) };
}

test('LEAD-82: a running session follows the CCM’s word, the hour, and the sessions beside it, and is told of changes alone', () => {
  const { clock, rates, begin, taken } = start();
  const docs = begin('docs');
  assert.equal(docs.allowed(), null);
  const hours = [{ from: '08:00', to: '18:00', mbit: 40 }];
  rates.receive({ type: 'leaderLimits', segment: { mbit: 100, hours }, sites: {} });
  assert.equal(docs.allowed(), mbit(40));
  assert.equal(rates.ofSegment(), mbit(40));
  assert.deepEqual(taken(), ['docs 40']);
  const shop = begin('shop');
  assert.equal(shop.allowed(), mbit(20), 'known before it sends');
  assert.deepEqual(taken(), ['docs 20'], 'and the other one sends less at once');
  clock.advance(2 * minuteMs - 1);
  assert.deepEqual(taken(), []);
  clock.advance(1);
  assert.deepEqual(taken(), ['docs 50', 'shop 50']);
  docs.ended();
  docs.ended();
  assert.deepEqual(taken(), ['shop 100']);
  rates.receive({ type: 'leaderLimits', segment: null, sites: { shop: { mbit: 1, hours: [] } } });
  rates.receive({ type: 'leaderLimits', segment: null, sites: { shop: { mbit: 1, hours: [] } } });
  assert.deepEqual(taken(), ['shop 1']);
  assert.deepEqual(clock.waiting(), [], 'no hours, nothing to wait for');
  rates.receive({ type: 'leaderLimits', segment: { mbit: 8, hours: [] }, sites: {} });
  assert.deepEqual([taken(), rates.ofSegment()], [['shop 8'], mbit(8)]);
  rates.receive(null);
  assert.deepEqual([taken(), rates.ofSegment()], [['shop free'], null]);
});

test('LEAD-81: a wall clock that is set is noticed within a minute', () => {
  const { clock } = start();
  let jumpMs = 0;
  const rates = createMulticastRates({
    clock,
    wallNow: () => clock.now() + jumpMs,
    minuteOf: (atMs) => Math.floor(atMs / minuteMs) % 1_440,
  });
  const applied: (number | null)[] = [];
  rates.begin('docs', (allowed) => applied.push(allowed));
  rates.receive({
    type: 'leaderLimits',
    segment: { mbit: null, hours: [{ from: '20:00', to: '21:00', mbit: 8 }] },
    sites: {},
  });
  jumpMs = 125 * minuteMs;
  clock.advance(minuteMs);
  assert.deepEqual(applied, [mbit(8)]);
  rates.close();
  assert.deepEqual(clock.waiting(), []);
});
