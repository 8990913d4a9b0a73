import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findMctpMutant, mctpMutantNames, mctpMutants } from './mctp-mutants.ts';
import { runMctpSeed } from './run-mctp-seed.ts';

const task = { receivers: 8, loss: null };

/** Beyond that a check looks away. */
const seedsMax = 300;

describe('planted mistakes in MCTP', () => {
  for (const { name, mistake } of mctpMutants) {
    test(`SIM-10: ${name} is found: ${mistake}`, () => {
      for (let seed = 1; seed <= seedsMax; seed += 1)
        if (runMctpSeed(seed, { ...task, mutant: name }).violation !== null) return;
      assert.fail(`${seedsMax} seeds showed nothing`);
    });
  }

  test('SIM-10: there are at least ten, each with a name of its own', () => {
    assert.ok(new Set(mctpMutantNames).size >= 10);
    assert.equal(new Set(mctpMutantNames).size, mctpMutantNames.length);
    assert.throws(() => findMctpMutant('nothing'), RangeError);
  });
});
