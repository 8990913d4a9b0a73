import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { createProgressMeter } from './progress-meter.ts';

test('LINK-19: progress is told at most five times a second, with the sums at that moment', () => {
  let now = 0;
  const told: string[] = [];
  const meter = createProgressMeter({
    site: 'site',
    assignment: 'a',
    now: () => now,
    report: ({ receivedBytes, commandsDone }) => told.push(`${now}: ${receivedBytes} ${commandsDone}`),
  });
  for (now = 0; now <= 1_000; now += 10) {
    meter.received(1);
    meter.executed(now);
  }
  assert.deepEqual(told, ['200: 21 190', '400: 41 390', '600: 61 590', '800: 81 790', '1000: 101 990']);
});

test('a beat tells that work goes on, until it is stopped', () => {
  const clock = createManualClock();
  const told: number[] = [];
  const meter = createProgressMeter({
    site: 'docs',
    assignment: 'a',
    now: clock.now,
    report: ({ commandsDone }) => told.push(commandsDone),
  });
  meter.executed(3);
  const stop = meter.beat(clock);
  clock.advance(25_000);
  assert.deepEqual(told, [3, 3]);
  stop();
  clock.advance(60_000);
  assert.deepEqual(told, [3, 3]);
});
