import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runTreeSeed } from './run-tree-seed.ts';
import { findTreeMutant, treeMutantNames, treeMutants } from './tree-mutants.ts';

const task = {
  ...{ leaders: null, members: 50, bytes: null, bytesPerSecond: null, delayMs: null, hasFaults: true },
};

/** Beyond that a check looks away. */
const seedsMax = 300;

describe('planted mistakes in the tree', () => {
  for (const { name, mistake } of treeMutants) {
    test(`TREE-85: ${name} is found: ${mistake}`, () => {
      for (let seed = 1; seed <= seedsMax; seed += 1)
        if (runTreeSeed(seed, { ...task, mutant: name }).violation !== null) return;
      assert.fail(`${seedsMax} seeds showed nothing`);
    });
  }

  test('TREE-85: there are at least twelve, each with a name of its own', () => {
    assert.ok(new Set(treeMutantNames).size >= 12);
    assert.equal(new Set(treeMutantNames).size, treeMutantNames.length);
    assert.throws(() => findTreeMutant('nothing'), RangeError);
  });
});
