import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planTree } from './plan-tree.ts';

const mb = 1_000_000;
const lan = { bytesPerSecond: 12_500_000, delayMs: 1 };
const wan = { bytesPerSecond: 125_000_000, delayMs: 50 };

test('TREE-21: small to a few is a star, large to a few a chain, large to many two parts, small to many a wide tree', () => {
  const shapes = [
    planTree({ leaders: 16, bytes: 20_000, ...lan }),
    planTree({ leaders: 8, bytes: 50 * mb, ...lan }),
    planTree({ leaders: 10_000, bytes: 1000 * mb, ...wan }),
    planTree({ leaders: 10_000, bytes: 20_000, ...wan }),
  ];
  assert.deepEqual(
    shapes.map(({ shape }) => shape),
    ['star', 'chain', 'two parts', 'k-ary'],
  );
  assert.ok((shapes[3]?.fanOut ?? 0) >= 4);
});

test('TREE-21: 50 MB to 8 and to 16 within 1.2 of the link; 1 GB to 10,000 within 1.5 and 5 s; 20 KB to 16 within 150 ms', () => {
  for (const leaders of [8, 16]) assert.ok(planTree({ leaders, bytes: 50 * mb, ...lan }).seconds <= 1.2 * 4);
  assert.ok(planTree({ leaders: 10_000, bytes: 1000 * mb, ...wan }).seconds <= 1.5 * 8 + 5);
  assert.ok(planTree({ leaders: 16, bytes: 20_000, ...lan }).seconds <= 0.15);
});

test('TREE-21: never slower than the star by more than a tenth, for one to three', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 1000 * mb }),
      fc.integer({ min: 100_000, max: 1_000_000_000 }),
      fc.integer({ min: 0, max: 300 }),
      (leaders, bytes, bytesPerSecond, delayMs) => {
        const { seconds } = planTree({ leaders, bytes, bytesPerSecond, delayMs });
        const star = (leaders * bytes) / bytesPerSecond + (3 * delayMs) / 1000 + 0.015;
        assert.ok(seconds <= star * 1.1);
      },
    ),
  );
});

test('TREE-21: what leaves the CCM of more than 1 MB, it sends three times at most', () => {
  fc.assert(
    fc.property(
      fc.nat(20_000),
      fc.nat(100),
      fc.integer({ min: mb + 1, max: 10_000 * mb }),
      fc.option(fc.integer({ min: 1, max: 1_000_000_000 })),
      fc.option(fc.nat(1000)),
      (leaders, leavesPercent, bytes, bytesPerSecond, delayMs) => {
        const leaves = Math.floor((leaders * leavesPercent) / 100);
        const plan = planTree({ leaders, leaves, bytes, bytesPerSecond, delayMs });
        if (leaves < leaders) assert.ok(plan.ccmFanOut <= 3);
        assert.ok(plan.fanOut >= 1 && plan.fanOut <= 16 && plan.ccmFanOut >= 1);
        assert.ok(Number.isFinite(plan.seconds));
      },
    ),
  );
});
