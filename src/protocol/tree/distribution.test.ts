import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsOf, leadersOf, makeDistribution } from './testing/scripted-distribution.ts';
import type { Distribution, PlannedHandOut } from './tree-machines.ts';

/** Everybody asks as soon as it was handed out to; answers each leader's hand-out. */
function handOutAll(distribution: Distribution): Map<string, PlannedHandOut> {
  const handOuts = new Map<string, PlannedHandOut>();
  const asking: string[] = [];
  const take = (): void => {
    for (const effect of effectsOf(distribution)) {
      const given =
        effect.effect === 'handOut' ? [effect.handOut] : effect.effect === 'answer' ? effect.next : [];
      for (const handOut of given) {
        assert.ok(!handOuts.has(handOut.node), `${handOut.node} is handed out to twice`);
        handOuts.set(handOut.node, handOut);
        asking.push(handOut.node);
      }
    }
  };
  take();
  for (let node = asking.shift(); node !== undefined; node = asking.shift()) {
    distribution.handle(100, { input: 'next', node, heldBlocks: 1, room: 16, unreached: [] });
    take();
  }
  return handOuts;
}

for (const [count, blocks] of [
  [1, 400],
  [3, 400],
  [16, 400],
  [16, 1],
  [100, 400],
  [10_000, 8000],
] as const) {
  test(`TREE-22, TREE-25, TREE-27: ${count} leaders and ${blocks} blocks: each is handed out to once, nobody feeds more than planned, nobody depends on itself`, () => {
    const distribution = makeDistribution(leadersOf(count), blocks);
    const handOuts = handOutAll(distribution);
    assert.equal(handOuts.size, count);
    const fed = new Map<string | null, number>();
    const parts = handOuts.get('n0')?.sources.length ?? 0;
    for (const { sources } of handOuts.values()) {
      assert.deepEqual(
        sources.map(({ part }) => part),
        parts === 1 ? [0] : [0, 1],
      );
      for (const { node } of sources) fed.set(node, (fed.get(node) ?? 0) + 1);
    }
    if (blocks > 8) {
      assert.equal(fed.get(null), parts);
      for (const [node, children] of fed) if (node !== null) assert.ok(children <= parts, node);
    }
    for (const node of handOuts.keys())
      for (let part = 0; part < parts; part += 1) {
        let at: string | null = node;
        let depth = 0;
        for (; at !== null; depth += 1) {
          assert.ok(depth <= 40, `${node} depends on itself, or is too deep`);
          at = handOuts.get(at)?.sources[part]?.node ?? null;
        }
      }
  });
}
