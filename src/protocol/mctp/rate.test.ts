// The rate against a model of a link: what is beyond its capacity is lost, some is lost in any case, and a TCP flow takes what is left and backs
// off when it loses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMctpRate, type MctpRate } from './rate.ts';

interface Link {
  readonly capacity: number;
  readonly ambient: number;
  readonly tcp: boolean;
  /** How many times as fast as one packet in a round trip the TCP flow grows; more: its losses come in bursts. */
  readonly growth?: number;
}

const frameBytes = 1469;

/** Runs for so long in ticks of a millisecond; what got lost is said each 200 ms. Returns mean rates from `fromMs` on. */
function run(rate: MctpRate, link: Link, ms: number, fromMs = 0, startMs = 0) {
  let tcp = 0;
  let backsOffAt = -1;
  let queued = 0;
  let sent = 0;
  let lost = 0;
  let epoch = rate.epoch();
  let begunAt = startMs;
  const sums = { mctp: 0, tcp: 0, least: Number.POSITIVE_INFINITY };
  for (let now = startMs; now < startMs + ms; now += 1) {
    const mine = rate.budgetBytes(now);
    rate.spend(mine);
    const perMs = link.capacity / 1000;
    const its = link.tcp ? tcp : 0;
    queued = Math.max(0, queued + mine + its - perMs);
    // 20 ms of the link fit in its queue.
    const dropped = Math.max(0, queued - 20 * perMs) / Math.max(1, mine + its);
    queued = Math.min(queued, 20 * perMs);
    const gone = Math.min(1, dropped) + link.ambient;
    // TCP hears of a drop when its queue has passed, and gains a packet in that time.
    if (dropped > 0 && backsOffAt < now) backsOffAt = now + 20;
    if (link.tcp) tcp = backsOffAt === now ? tcp * 0.7 : tcp + ((link.growth ?? 1) * frameBytes) / 20 ** 2;
    if (rate.epoch() !== epoch) {
      epoch = rate.epoch();
      begunAt = now;
      sent = 0;
      lost = 0;
    }
    sent += mine;
    lost += mine * gone;
    if (now - begunAt >= 200 && sent > 50 * frameBytes) {
      rate.lost(now, lost / sent, Math.round(sent / frameBytes));
      begunAt = now;
      sent = 0;
      lost = 0;
      epoch = rate.epoch();
    }
    if (now < fromMs + startMs) continue;
    sums.mctp += mine;
    sums.tcp += its * (1 - Math.min(1, dropped));
    sums.least = Math.min(sums.least, rate.bytesPerSecond());
  }
  const seconds = (ms - fromMs) / 1000;
  return { mctp: sums.mctp / seconds, tcp: sums.tcp / seconds, least: sums.least };
}

const link = 12_500_000;
const clear: Link = { capacity: link, ambient: 0, tcp: false };

test('N17 MCTP-40: 80 % of the link within 2 s, and no more', () => {
  const rate = createMctpRate({ now: 0, linkBytesPerSecond: link });
  run(rate, clear, 2000);
  assert.ok(Math.abs(rate.bytesPerSecond() / link - 0.8) < 0.01, `${rate.bytesPerSecond()}`);
  const { mctp } = run(rate, clear, 3000, 0, 2000);
  assert.ok(Math.abs(mctp / link - 0.8) < 0.02, `${mctp}`);
});

test('N17 MCTP-41: on a link that carries a quarter of what was said it finds out what there is, and uses it', () => {
  const rate = createMctpRate({ now: 0, linkBytesPerSecond: link });
  const narrow = { ...clear, capacity: link / 4 };
  const { mctp, least } = run(rate, narrow, 20_000, 3000);
  assert.ok(mctp > 0.5 * narrow.capacity && mctp < 1.1 * narrow.capacity, `${mctp / narrow.capacity}`);
  assert.ok(least > 0.1 * narrow.capacity, `${least}`);
});

test('N17 MCTP-42: loss that has nothing to do with the rate does not lower it', () => {
  for (const ambient of [0.01, 0.02, 0.05, 0.1, 0.2]) {
    const rate = createMctpRate({ now: 0, linkBytesPerSecond: link });
    const { mctp } = run(rate, { ...clear, ambient }, 10_000, 2000);
    // So little may be a neighbour's: it gets its half.
    assert.ok(mctp > (ambient < 0.015 ? 0.45 : 0.7) * link, `at ${ambient}: ${mctp / link}`);
  }
});

test('N17 MCTP-43: a TCP flow through the same link keeps a third of it, and the session goes on', () => {
  for (const growth of [1, 4, 8]) {
    const rate = createMctpRate({ now: 0, linkBytesPerSecond: link });
    const { mctp, tcp } = run(rate, { ...clear, tcp: true, growth }, 35_000, 5000);
    assert.ok(tcp > link / 3, `${growth}: TCP ${tcp / link}, MCTP ${mctp / link}`);
    assert.ok(mctp > 0.3 * link, `${growth}: MCTP ${mctp / link}`);
  }
});

test('N17 MCTP-44: a machine that does not keep up sends less, never nothing, and comes back', () => {
  const rate = createMctpRate({ now: 0, linkBytesPerSecond: link });
  run(rate, clear, 2000);
  for (let now = 2000; now < 12_000; now += 10) {
    rate.budgetBytes(now);
    rate.overrun(now);
  }
  assert.ok(rate.bytesPerSecond() >= 0.02 * link, `${rate.bytesPerSecond()}`);
  assert.ok(rate.bytesPerSecond() < 0.5 * link);
  run(rate, clear, 20_000, 0, 12_000);
  assert.ok(rate.bytesPerSecond() > 0.75 * link, `${rate.bytesPerSecond()}`);
});

test('N17 MCTP-45: the hard cap is never exceeded, whatever it becomes, and what was not sent in time is not caught up', () => {
  const rate = createMctpRate({ now: 0, linkBytesPerSecond: link, capBytesPerSecond: link / 5 });
  assert.ok(run(rate, clear, 5000).mctp <= link / 5 + 140_000 / 5);
  rate.cap(link / 50);
  assert.ok(run(rate, clear, 5000, 0, 5000).mctp <= link / 50 + 140_000 / 5);
  rate.budgetBytes(60_000);
  assert.ok(rate.budgetBytes(70_000) <= 140_000);
});
