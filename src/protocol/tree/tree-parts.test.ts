import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocksOfPart, partOf } from './tree-parts.ts';

test('TREE-20: each block is of one part, both ends agree on which, and parts of many blocks are about equal', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.constantFrom(1, 2), (blocks, parts) => {
      const seen = Array.from({ length: parts }, () => 0);
      const all: number[] = [];
      for (let part = 0; part < parts; part += 1)
        for (const { from, to } of blocksOfPart({ part, parts }, blocks)) {
          assert.ok(from < to && to <= blocks);
          for (let index = from; index < to; index += 1) {
            assert.equal(partOf(index, blocks, parts), part);
            seen[part] = (seen[part] ?? 0) + 1;
            all.push(index);
          }
        }
      assert.equal(all.length, blocks);
      assert.equal(new Set(all).size, blocks);
      if (blocks > 256) for (const count of seen) assert.ok(Math.abs(count * parts - blocks) <= blocks / 32);
    }),
  );
});

test('TREE-20: runs of a 64th, at least 1 and at most 64', () => {
  assert.deepEqual(blocksOfPart({ part: 1, parts: 2 }, 4), [
    { from: 1, to: 2 },
    { from: 3, to: 4 },
  ]);
  assert.deepEqual(blocksOfPart({ part: 0, parts: 2 }, 640)[1], { from: 20, to: 30 });
  assert.deepEqual(blocksOfPart({ part: 0, parts: 2 }, 1_000_000)[0], { from: 0, to: 64 });
});
