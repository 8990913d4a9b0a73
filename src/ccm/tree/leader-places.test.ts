import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BelievedReport } from '../db/schema.ts';
import { createLeaderPlaces } from './leader-places.ts';
import { reportOf } from './testing/tree-fixture.ts';

function placing() {
  const reports = new Map<string, BelievedReport>([['l1', reportOf('l1', '10.0.0.1')]]);
  const clock = { at: 0, now: () => clock.at };
  return { reports, clock, places: createLeaderPlaces(clock, (node) => reports.get(node)) };
}

const place = { address: '10.0.0.1', port: 17_446 };

test('TREE-92: a leader’s place is what its last report says of itself', () => {
  const { places, reports } = placing();
  assert.deepEqual(places.of('l1'), place);
  assert.equal(places.of('l2'), null);
  reports.set('l2', reportOf('l1', '10.0.0.1'));
  assert.equal(places.of('l2'), null, 'not where others are');
});

test('TREE-92 R6.2: whom two different leaders did not reach has no place for ten minutes', () => {
  const { places, clock } = placing();
  places.unreached('l1', 'l1');
  places.unreached('l1', 'a');
  places.unreached('l1', 'a');
  assert.deepEqual(places.of('l1'), place, 'one alone may be cut off itself');
  places.unreached('l1', 'b');
  assert.equal(places.of('l1'), null);
  clock.at = 10 * 60_000;
  assert.equal(places.of('l1'), null);
  clock.at += 1;
  assert.deepEqual(places.of('l1'), place);
});

test('TREE-92: with another address, or when somebody fetched from it, it has one again', () => {
  for (const mend of ['address', 'reached'] as const) {
    const { places, reports } = placing();
    places.unreached('l1', 'a');
    places.unreached('l1', 'b');
    if (mend === 'reached') places.reached('l1');
    else reports.set('l1', reportOf('l1', '10.0.0.9'));
    assert.equal(places.of('l1')?.address, mend === 'reached' ? '10.0.0.1' : '10.0.0.9');
    places.unreached('l1', 'a');
    assert.notEqual(places.of('l1'), null);
  }
});
