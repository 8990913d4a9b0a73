import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SegmentTiming, timingPresets } from '../../model/segment.ts';
import { segmentTimings, timerLimits } from './timing.ts';
import { timingProblems } from './timing-problems.ts';

test('ELEC-30: the presets have no problems, and every timer has limits', () => {
  for (const preset of timingPresets) {
    assert.deepEqual(timingProblems(segmentTimings[preset]), []);
    assert.deepEqual(Object.keys(segmentTimings[preset]), Object.keys(timerLimits));
  }
});

test('ELEC-30: a timer beyond its limits is a problem, below and above', () => {
  for (const [timer, { minMs, maxMs }] of Object.entries(timerLimits)) {
    for (const value of [minMs - 1, maxMs + 1, Number.NaN]) {
      const [problem] = timingProblems({ ...segmentTimings.fast, [timer]: value });
      assert.match(problem ?? '', new RegExp(`^${timer} is `));
    }
  }
});

test('ELEC-30: timers that do not fit together are a problem each', () => {
  const { fast } = segmentTimings;
  const wrong: [Partial<SegmentTiming>, RegExp][] = [
    [
      { aliveMs: 1001, listenMs: 3000 },
      /^triggerMinMs is 3000; it is at least 3 times aliveMs, which is 1001$/,
    ],
    [{ lostMs: 2999 }, /^lostMs is 2999; it is at least triggerMinMs/],
    [{ listenMs: 900 }, /^listenMs is 900; it is at least 2 times aliveMs/],
    [{ claimDelayMinMs: 500 }, /^claimDelayMaxMs is 400/],
    [{ windowMs: 300 }, /^windowMs is 300; it is longer than the claim delays differ, 300$/],
    [{ concedeMs: 599 }, /^concedeMs is 599/],
    [{ quietMs: 2001 }, /^quietMaxMs is 2000/],
    [{ hereMs: 2001 }, /^silentMs is 4000; it is at least 2 times hereMs/],
    [{ silentMs: 5001 }, /^offlineMs is 6000; it is at least 1.2 times silentMs/],
    [{ lostMs: 6001 }, /^offlineMs is 6000; it is at least lostMs/],
  ];
  for (const [change, problem] of wrong) {
    const [first, second] = timingProblems({ ...fast, ...change });
    assert.match(first ?? '', problem);
    assert.equal(second, undefined);
  }
});

test('R5.1: classic keeps its figures', () => {
  const { triggerMinMs, lostMs, windowMs, claimDelayMaxMs, retryRandomMs } = segmentTimings.classic;
  assert.ok(triggerMinMs >= 5000 && lostMs >= triggerMinMs);
  assert.ok(windowMs <= 15_000);
  assert.equal(claimDelayMaxMs, 10_000);
  assert.ok(retryRandomMs <= 1000);
});
