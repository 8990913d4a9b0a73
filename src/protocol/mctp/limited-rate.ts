// One session's own limit below a rate that several share: what the limit leaves over is the others'. Pure, as the rate is.

import type { Instant } from '../machine.ts';
import type { MctpRate } from './rate.ts';

/** What was not sent in time is lost, but for so much; and a few frames always fit. */
const burstMs = 25;
const burstBytesMin = 8192;

/** `capBytesPerSecond` may be infinite; `cap` of the result is its own limit, and never the shared rate's. */
export function limitRate(rate: MctpRate, startedAt: Instant, capBytesPerSecond: number): MctpRate {
  let cap = capBytesPerSecond;
  let tokens = burstBytesMin;
  let lookedAt = startedAt;

  function look(now: Instant): void {
    const burst = Math.max(burstBytesMin, (cap * burstMs) / 1000);
    tokens = Math.min(burst, tokens + (cap * Math.max(0, now - lookedAt)) / 1000);
    lookedAt = Math.max(lookedAt, now);
  }

  const isLimited = (): boolean => cap !== Number.POSITIVE_INFINITY;

  return {
    budgetBytes(now) {
      if (!isLimited()) return rate.budgetBytes(now);
      look(now);
      return Math.min(rate.budgetBytes(now), Math.floor(tokens));
    },
    spend(bytes) {
      if (isLimited()) tokens -= bytes;
      rate.spend(bytes);
    },
    lost: rate.lost,
    overrun: rate.overrun,
    cap(bytesPerSecond) {
      if (!isLimited()) tokens = 0;
      cap = bytesPerSecond;
    },
    bytesPerSecond: () => Math.min(cap, rate.bytesPerSecond()),
    epoch: rate.epoch,
  };
}
