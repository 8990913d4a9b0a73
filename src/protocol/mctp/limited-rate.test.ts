import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitRate } from './limited-rate.ts';
import { createMctpRate, type MctpRate } from './rate.ts';

const linkBytesPerSecond = 100_000_000;

/** What goes out in frames of 1,400 bytes from one moment to another, when there is always something to send. */
function send(rate: MctpRate, fromMs: number, toMs: number): number {
  let sent = 0;
  for (let now = fromMs; now < toMs; now += 1) {
    while (rate.budgetBytes(now) >= 1_400) {
      rate.spend(1_400);
      sent += 1_400;
    }
  }
  return sent;
}

test('LEAD-80: a session keeps its own limit, whatever the shared rate allows, and the other sessions keep theirs', () => {
  const shared = createMctpRate({ now: 0, linkBytesPerSecond });
  const slow = limitRate(shared, 0, 1_000_000);
  const free = limitRate(shared, 0, Number.POSITIVE_INFINITY);
  let ofFree = 0;
  let ofSlow = 0;
  for (let now = 0; now < 3_000; now += 1) {
    ofSlow += send(slow, now, now + 1);
    ofFree += send(free, now, now + 1);
  }
  assert.ok(Math.abs(ofSlow / 3_000_000 - 1) < 0.02, `${ofSlow}`);
  assert.ok(ofFree > 0.5 * 3 * linkBytesPerSecond, `${ofFree}`);
  assert.equal(slow.bytesPerSecond(), 1_000_000);
});

test('LEAD-81: another limit holds at once, also none', () => {
  const shared = createMctpRate({ now: 0, linkBytesPerSecond });
  const rate = limitRate(shared, 0, Number.POSITIVE_INFINITY);
  send(rate, 0, 1_000);
  rate.cap(500_000);
  const limited = send(rate, 1_000, 3_000);
  assert.ok(Math.abs(limited / 1_000_000 - 1) < 0.02, `${limited}`);
  rate.cap(Number.POSITIVE_INFINITY);
  assert.ok(send(rate, 3_000, 4_000) > 0.5 * linkBytesPerSecond);
});
