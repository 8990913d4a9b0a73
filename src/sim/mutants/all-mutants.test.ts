import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runSeed } from '../seeds/run-seed.ts';
import { allMutants, findMutant, mutantNames } from './all-mutants.ts';

/** Beyond that a checker looks away. */
const seedsMax = 500;

describe('planted mistakes', () => {
  for (const { name, mistake } of allMutants) {
    test(`SIM-6: ${name} is found: ${mistake}`, () => {
      for (let seed = 1; seed <= seedsMax; seed += 1) {
        if (runSeed(seed, { members: 10, mutant: name }).violation !== null) return;
      }
      assert.fail(`${seedsMax} seeds showed nothing`);
    });
  }

  test('SIM-6: there are at least twelve, each with a name of its own', () => {
    assert.ok(new Set(mutantNames).size >= 12);
    assert.equal(new Set(mutantNames).size, mutantNames.length);
    assert.throws(() => findMutant('nothing'), RangeError);
  });
});
