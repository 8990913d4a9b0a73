import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../kernel/random.ts';
import { countFaults, describeFault } from './describe-fault.ts';
import { drawFaults, drawWeather } from './draw-faults.ts';
import type { Fault, FaultKind } from './fault.ts';

const storm = { nodes: 10, startMs: 5000, endMs: 50_000 };
const draw = (seed: number): Fault[] => drawFaults(createRandom(seed, 'faults'), storm);

test('X16: every seed has a crash, a partition and a pause, all over when the storm ends', () => {
  const all: Partial<Record<FaultKind, number>> = {};
  for (let seed = 1; seed <= 500; seed += 1) {
    const faults = draw(seed);
    const counts = countFaults(faults);
    for (const kind of ['crash', 'partition', 'pause'] as const) assert.ok((counts[kind] ?? 0) >= 1);
    for (const fault of faults) {
      all[fault.kind] = (all[fault.kind] ?? 0) + 1;
      const lastsMs = 'forMs' in fault ? fault.forMs : fault.downMs;
      assert.ok(fault.at >= storm.startMs && fault.at + lastsMs <= storm.endMs, JSON.stringify(fault));
      if (fault.kind === 'partition') {
        const nodes = fault.side.filter((node) => node === 'leader' || node < storm.nodes);
        assert.ok(
          nodes.length >= 1 && nodes.length < storm.nodes && new Set(fault.side).size === fault.side.length,
        );
      }
    }
  }
  assert.equal(Object.keys(all).length, 9, JSON.stringify(all));
});

test('X16: the same seed draws the same faults and weather, and each prints as a line', () => {
  assert.deepEqual(draw(11), draw(11));
  assert.notDeepEqual(draw(11), draw(12));
  assert.deepEqual(drawWeather(createRandom(1, 'weather')), drawWeather(createRandom(1, 'weather')));
  const names = Array.from({ length: 10 }, (_, node) => `n${node}`);
  assert.equal(
    describeFault(
      { at: 12_345, kind: 'partition', side: [1], direction: 'in', sparesCcm: true, forMs: 2000 },
      names,
    ),
    '12.345 s n1 deaf to the others, not to the CCM, for 2.000 s',
  );
  for (let seed = 1; seed <= 50; seed += 1)
    for (const fault of draw(seed)) assert.match(describeFault(fault, names), /^\d+\.\d{3} s \S+ .*\S$/);
});
