import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LeaderParameters, leaderOrder, leaderScore, leaderWeights } from './leader-order.ts';

const near = { location: 'fra', timeZone: 'Europe/Berlin' };
const plain: LeaderParameters = {
  ...{ node: 'b', segment: 'sb', upBytesPerSecond: 12_500_000, delayMs: 20, done: 10, failed: 0, cpus: 4 },
  ...{ load: 0.5, freeBytes: 1e11, connections: 100, location: 'ams', timeZone: 'Europe/Amsterdam' },
};
const order = (leaders: readonly LeaderParameters[], first: readonly string[] = []): string[] =>
  leaderOrder(leaders, (leader) => leader, { first, near }).map(({ node }) => node);

const betters: [keyof typeof leaderWeights, Partial<LeaderParameters>][] = [
  ['rate', { upBytesPerSecond: 125_000_000 }],
  ['reliability', { done: 100 }],
  ['delay', { delayMs: 5 }],
  ['cpu', { load: 0.1 }],
  ['nearness', { timeZone: 'Europe/Berlin' }],
  ['nearness', { location: 'fra' }],
  ['disk', { freeBytes: 1e12 }],
  ['connections', { connections: 5 }],
];

for (const [term, better] of betters)
  test(`TREE-11: of two alike, the one of better ${term} comes first (${JSON.stringify(better)})`, () => {
    const other = { ...plain, ...better, node: 'z' };
    assert.deepEqual(order([plain, other]), ['z', 'b']);
    const [less, more] = [leaderScore(plain, near), leaderScore(other, near)];
    assert.ok(more.terms[term] > less.terms[term]);
    for (const key of Object.keys(leaderWeights) as (keyof typeof leaderWeights)[])
      if (key !== term) assert.equal(more.terms[key], less.terms[key]);
  });

test('TREE-11: the weights are 1,000 together, a score is the sum of its terms and within them, and of whom nothing is known is in the middle', () => {
  assert.equal(
    Object.values(leaderWeights).reduce((sum, weight) => sum + weight, 0),
    1000,
  );
  const amount = fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }));
  fc.assert(
    fc.property(
      amount,
      amount,
      fc.nat(1000),
      fc.nat(1000),
      amount,
      amount,
      (up, delayMs, done, failed, cpus, load) => {
        const { score, terms } = leaderScore(
          { ...plain, upBytesPerSecond: up, delayMs, done, failed, cpus, load },
          near,
        );
        assert.equal(
          Object.values(terms).reduce((sum, term) => sum + term, 0),
          score,
        );
        assert.ok(score >= 0 && score <= 1000);
      },
    ),
  );
  const nothing = { upBytesPerSecond: null, delayMs: null, done: 0, failed: 0, cpus: null, load: null };
  const { score } = leaderScore(
    { ...plain, ...nothing, freeBytes: null, connections: null, location: null, timeZone: null },
    near,
  );
  assert.equal(score, 475);
});

test("TREE-10: the operator's order comes first, by segment or node; ties are by name", () => {
  const leaders = ['d', 'a', 'c', 'b'].map((node) => ({ ...plain, node, segment: `s${node}` }));
  assert.deepEqual(order(leaders), ['a', 'b', 'c', 'd']);
  assert.deepEqual(order(leaders, ['sc', 'nowhere', 'b']), ['c', 'b', 'a', 'd']);
  const slow = { ...plain, node: 'slow', segment: 'ss', upBytesPerSecond: 1000 };
  assert.deepEqual(order([...leaders, slow], ['slow'])[0], 'slow');
});
