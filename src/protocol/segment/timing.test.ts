import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timingPresets } from '../../model/segment.ts';
import { segmentTimings, timerLimits } from './timing.ts';

for (const preset of timingPresets) {
  test(`ELEC-30: every timer of ${preset} is within its limits`, () => {
    const timing = segmentTimings[preset];
    assert.deepEqual(Object.keys(timing), Object.keys(timerLimits));
    for (const [timer, { minMs, maxMs }] of Object.entries(timerLimits)) {
      const value = timing[timer as keyof typeof timing];
      assert.ok(value >= minMs && value <= maxMs, `${timer}: ${value}`);
    }
  });
}

test('R5.1: classic keeps its figures', () => {
  const { triggerMinMs, lostMs, windowMs, claimDelayMaxMs, retryRandomMs } = segmentTimings.classic;
  assert.ok(triggerMinMs >= 5000 && lostMs >= triggerMinMs);
  assert.ok(windowMs <= 15_000);
  assert.equal(claimDelayMaxMs, 10_000);
  assert.ok(retryRandomMs <= 1000);
});
