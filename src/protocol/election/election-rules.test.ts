import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { segmentTimings } from '../segment/timing.ts';
import type { Claim } from './claim.ts';
import { electionRules as rules } from './election-rules.ts';
import { plainPriority, scriptedElection } from './testing/scripted-election.ts';

/** Few values, so that ties are common. */
const anyClaim: fc.Arbitrary<Claim> = fc.record(
  {
    term: fc.integer({ min: 1, max: 3 }),
    priority: fc.integer({ min: 1, max: 3 }),
    node: fc.constantFrom('a', 'b', 'c'),
  },
  { noNullPrototype: true },
);

test('ELEC-4: of two nodes exactly one is better; who is better than the better one is better than both', () => {
  fc.assert(
    fc.property(anyClaim, anyClaim, anyClaim, (one, other, third) => {
      if (one.node !== other.node) assert.notEqual(rules.isBetter(one, other), rules.isBetter(other, one));
      assert.ok(!rules.isBetter(one, one));
      if (rules.isBetter(one, other) && rules.isBetter(other, third)) assert.ok(rules.isBetter(one, third));
    }),
  );
});

test('ELEC-5: in whatever order LAs are heard, all end with the same leader', () => {
  const follow = (heard: readonly Claim[]): Claim | undefined =>
    heard.reduce<Claim | undefined>(
      (followed, claim) =>
        followed === undefined || rules.isHigherLeader(claim, followed) ? claim : followed,
      undefined,
    );
  fc.assert(
    fc.property(
      fc
        .array(anyClaim, { minLength: 1 })
        .chain((claims) =>
          fc.tuple(fc.constant(claims), fc.shuffledSubarray(claims, { minLength: claims.length })),
        ),
      ([claims, shuffled]) => assert.deepEqual(follow(claims), follow(shuffled)),
    ),
  );
});

test('ELEC-8: a new claim is in a term that the node has not taken part in, and not below the one it answers', () => {
  const term = fc.nat(20);
  fc.assert(
    fc.property(term, term, (ballot, heard) => {
      const claimed = rules.claimTerm(null, ballot, heard);
      assert.ok(claimed > ballot && claimed >= heard);
      assert.equal(rules.claimTerm(ballot, ballot, heard), heard > ballot ? heard : ballot);
    }),
  );
});

test('ELEC-14: two leaders end in one term, that of no former reign', () => {
  const term = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(term, term, (own, rival) => {
      const contest = rules.contestTerm(own, rival);
      assert.ok(contest > rival && contest >= own);
    }),
  );
});

test('ELEC-11: the claims that nobody answered last longer than it takes to lose a leader', () => {
  for (const timing of Object.values(segmentTimings)) {
    const needed = [...Array(100).keys()].find((claims) => rules.isUnanswered(timing, claims)) ?? 0;
    assert.ok(needed >= 3 && needed * timing.windowMs >= timing.lostMs);
  }
});

test('ELEC-24: a term far above all that were is nobody’s, so that no member can use up the terms of a segment', () => {
  const node = scriptedElection();
  node.hear('b', 'leader-alive', 5, plainPriority);
  for (const term of [2 ** 48 - 1, 5 + 2 ** 24 + 1]) {
    assert.deepEqual(node.hear('a', 'leader-alive', term, plainPriority + 1), []);
    assert.deepEqual(node.hear('a', 'leader-claim', term, plainPriority + 1), []);
  }
  const reachable = 5 + 2 ** 24;
  assert.deepEqual(node.hear('a', 'leader-alive', reachable, plainPriority + 1), [
    `durable ${reachable} a`,
    `leader a ${reachable}`,
  ]);
});
