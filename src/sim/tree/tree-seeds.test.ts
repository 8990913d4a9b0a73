import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeTreePlan } from './describe-tree-fault.ts';
import { runTreeSeed } from './run-tree-seed.ts';
import { drawTreePlan } from './tree-plan.ts';

const drawn = { leaders: null, members: 50, bytes: null, bytesPerSecond: null, delayMs: null };
const task = { ...drawn, hasFaults: true, mutant: null };

/** Each of these found a mistake while this was written, as the plan is now. */
const pinned: readonly (readonly [seed: number, found: string])[] = [
  [37, 'a source that takes connections and sends nothing, of two leaders, had the other one wait for ever'],
  [39, 'of nine leaders one had three children where it bears two, and the place of another one was free'],
  [
    140,
    'after a restart of the CCM leaders were to fetch from each other in a circle of hand-outs of both runs',
  ],
  [178, 'a leader that asked, and lost what it held before the answer, turned in a circle'],
  [488, 'two sources that take connections and send nothing were tried by turns for ever'],
  [1725, 'the last of one part waited three seconds for nothing: those that keep no places came first'],
  [2919, 'the same, of sixteen leaders'],
  [3019, 'a leader that died was named and not reached again and again, as fast as words go'],
  [
    3502,
    'a source that said that it holds it and lacks it was named again, and everybody waited for its child',
  ],
  [3925, 'after a restart one fetched from a leader that waited for it since before the restart'],
  [
    100_161,
    'of three that were fed one after another only the last was told whom to notify, thirty times over',
  ],
  [301_253, 'what was ended, and then vanished, was said to be held when the CCM had started again'],
];

describe('simulated distributions down the tree', () => {
  for (const [seed, found] of pinned) {
    test(`TREE-84: seed ${seed}: ${found}`, () => {
      assert.equal(runTreeSeed(seed, task).violation, null);
    });
  }

  test('TREE-80: a seed runs the same way each time, event by event; another seed another way', () => {
    const run = (seed: number): string[] => {
      const lines: string[] = [];
      runTreeSeed(seed, task, (line) => lines.push(line));
      return lines;
    };
    const lines = run(5);
    assert.ok(lines.length > 50);
    assert.deepEqual(run(5), lines);
    assert.notDeepEqual(run(8), lines);
  });

  test('TREE-83: faults are data, and told as lines', () => {
    const plan = drawTreePlan(16, task);
    assert.ok(plan.faults.length > 2);
    const lines = describeTreePlan(plan).join('\n');
    assert.match(lines, /vanish node \d+/);
    assert.match(lines, /succession node \d+ afterMs \d+ share/);
  });

  test('N19 N45 N46 TREE-84: sixty seeds with every kind of fault break no rule', () => {
    for (let seed = 2001; seed <= 2060; seed += 1) {
      const { violation } = runTreeSeed(seed, task);
      assert.equal(violation, null, `seed ${seed}`);
    }
  });

  test('TREE-81: 300 leaders and 1 GB at 1 Gbit/s and 50 ms: within twice the limit and ten seconds, and the CCM sends it once', () => {
    const given = { leaders: 300, members: 50, bytes: 1e9, bytesPerSecond: 125e6, delayMs: 50 };
    const result = runTreeSeed(1, { ...given, hasFaults: false, mutant: null });
    assert.equal(result.violation, null);
    assert.equal(result.limitMs, 8000);
    assert.ok(result.lastNodeMs <= 26_000, `${result.lastNodeMs} ms`);
    assert.ok(result.ccmEgressRatio <= 3);
    assert.ok(result.messages <= 6);
  });
});
