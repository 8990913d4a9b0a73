// What counts as two leaders at once, and what does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventResource } from '../../src/model/api.ts';
import { type Saying, secondLeaders } from './second-leaders.ts';

/** As the end of an absence: until a moment later, of one that was killed. */
const killed = 3.5;

type Told = readonly [at: number, leader: string | null, segment?: string];

const event = (kind: string, leader: string): EventResource => ({
  id: 1,
  at: '',
  actor: 'test',
  kind: `segment.${kind}`,
  site: null,
  job: null,
  node: leader,
  data: { segment: 'one', leader },
});
const accepted = (leader: string): EventResource => event('leaderAccepted', leader);
const gone = (leader: string): EventResource => event('leaderGone', leader);

function count(
  sayings: Readonly<Record<string, readonly Told[]>>,
  away: Readonly<Record<string, readonly [from: number, to: number]>> = {},
  events: readonly EventResource[] = [],
): number {
  const said = Object.entries(sayings).map(
    ([node, told]) =>
      [
        node,
        told.map(([at, leader, segment = 'one']): Saying => ({ at, segment, leader, term: 1 })),
      ] as const,
  );
  const absences = Object.entries(away).map(
    ([node, [from, to]]) => [node, [{ from, to, wasKilled: to === killed }]] as const,
  );
  return secondLeaders(events, new Map(said), new Map(absences));
}

test('the CCM accepts another before the former is gone: counted; after it: not', () => {
  assert.equal(count({}, {}, [accepted('a'), gone('a'), accepted('b')]), 0);
  assert.equal(count({}, {}, [accepted('a'), accepted('a'), gone('b'), accepted('b')]), 1);
});

test('two lead, and each is followed by somebody else: counted once', () => {
  const two: Readonly<Record<string, readonly Told[]>> = {
    a: [[1, 'a']],
    b: [
      [2, 'a'],
      [3, 'b'],
    ],
    c: [[2, 'a']],
    d: [
      [2, 'a'],
      [4, 'b'],
      [6, 'b'],
    ],
  };
  assert.equal(count(two), 1);
  assert.equal(count(two, { a: [3, 9] }), 0, 'one that was stopped leads nobody');
  assert.equal(
    count({
      ...two,
      a: [
        [1, 'a'],
        [3, null],
      ],
    }),
    0,
    'one that gave up neither',
  );
  assert.equal(count({ ...two, d: [[2, 'a']] }), 0, 'nor one whom nobody follows');
  assert.equal(count(two, { a: [2, 5] }), 1, 'but one that is back and is followed still');
  assert.equal(count(two, { a: [3, killed] }), 0, 'one that was killed leads nobody before it says so anew');
  const elsewhere: Readonly<Record<string, readonly Told[]>> = {
    ...two,
    b: [[2, 'b', 'other']],
    d: [[2, 'b', 'other']],
  };
  assert.equal(count(elsewhere), 0, 'another segment has a leader of its own');
});
