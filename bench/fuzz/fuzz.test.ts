import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FuzzTarget } from './fuzz-target.ts';
import { fuzzTargets } from './fuzz-targets.ts';
import { runCases } from './run-cases.ts';

/** The same cases in every run; the bench runs a million. */
const seed = 20_261_128;
const cases = 300;

for (const target of fuzzTargets) {
  test(`${cases} mutated inputs of ${target.name} end with a right result or a coded refusal (seed ${seed})`, async () => {
    const { counts, violation } = await runCases(target, { seed, from: 0, to: cases, step: 1 }, () => {});
    assert.equal(violation && `case ${violation.number}: ${violation.what}`, undefined);
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      cases,
    );
    assert.ok(Object.keys(counts).length > 1, 'it refuses some and lets others through');
  });
}

test('a reader that throws what is no coded refusal is found, with the case that made it', async () => {
  const careless: FuzzTarget = {
    name: 'careless',
    make: (random) => Buffer.from([random.below(20)]),
    run(input) {
      if (input[0] === 7) throw new RangeError('not thought of');
      return 'valid';
    },
  };
  const { violation } = await runCases(careless, { seed: 1, from: 0, to: 500, step: 1 }, () => {});
  assert.match(violation?.what ?? '', /RangeError: not thought of/);
  assert.deepEqual(violation?.input, Buffer.from([7]));
});
