import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesPerMbit, type RateLimit } from '../../model/rate-limit.ts';
import { rateNow } from '../../net/rate/rate-now.ts';
import { allowedRate, type LeaderLimitsMessage } from './allowed-rate.ts';

const minuteMs = 60_000;
/** A day that begins at its midnight. */
const day = Date.parse('2026-11-28T00:00:00Z');
const utcMinute = (atMs: number): number => Math.floor(atMs / minuteMs) % 1_440;
const at = (text: string): number => day + (Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) * minuteMs;
const mbit = (value: number): number => value * bytesPerMbit;
const said = (segment: RateLimit | null, sites: LeaderLimitsMessage['sites'] = {}): LeaderLimitsMessage => ({
  type: 'leaderLimits',
  segment,
  sites,
});

test('LEAD-81: the hours of the leader’s own clock decide, over midnight too, the first that fits; outside of them the figure of the day', () => {
  const limit: RateLimit = {
    mbit: 100,
    hours: [
      { from: '22:00', to: '06:00', mbit: null },
      { from: '05:00', to: '18:00', mbit: 20 },
    ],
  };
  const table = [
    ['00:00', null],
    ['05:30', null],
    ['06:00', 20],
    ['17:59', 20],
    ['18:00', 100],
    ['21:59', 100],
    ['22:00', null],
  ] as const;
  for (const [time, allowed] of table)
    assert.equal(
      rateNow(limit, at(time), utcMinute).bytesPerSecond,
      allowed === null ? null : mbit(allowed),
      time,
    );
  assert.equal(rateNow(limit, at('17:58') + 20_000, utcMinute).until, at('18:00'));
  assert.deepEqual(rateNow({ mbit: 5, hours: [] }, day), { bytesPerSecond: mbit(5), until: null });
  assert.deepEqual(rateNow(null, day), { bytesPerSecond: null, until: null });
});

test('LEAD-81: until it is asked again no hour begins or ends, nor is a clock put forward or back', () => {
  const hour = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
  const limit: fc.Arbitrary<RateLimit> = fc.record({
    mbit: fc.option(fc.integer({ min: 1, max: 9 })),
    hours: fc.array(
      fc
        .record({ from: hour, to: hour, mbit: fc.option(fc.integer({ min: 1, max: 9 })) })
        .filter(({ from, to }) => from !== to),
      { minLength: 1, maxLength: 4 },
    ),
  });
  fc.assert(
    fc.property(
      limit,
      fc.integer({ min: 0, max: 86_399_999 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (rate, ofDay, share) => {
        const now = day + ofDay;
        const { bytesPerSecond, until } = rateNow(rate, now, utcMinute);
        assert.ok(until !== null && until > now && until - now <= 15 * minuteMs);
        const later = now + Math.floor((until - now) * share);
        assert.equal(rateNow(rate, later, utcMinute).bytesPerSecond, bytesPerSecond);
        // What changes at a quarter is a clock's.
        assert.equal(Math.floor(later / (15 * minuteMs)), Math.floor(now / (15 * minuteMs)));
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});

test('LEAD-82: the smallest of the limits counts, and sessions share it', () => {
  const ten: RateLimit = { mbit: 10, hours: [] };
  const limits = said({ mbit: 30, hours: [] }, { docs: ten, night: { mbit: null, hours: [] } });
  const rate = (site: string, ...others: string[]) =>
    allowedRate(limits, site, [site, ...others], day).bytesPerSecond;
  assert.equal(rate('docs'), mbit(10));
  assert.equal(rate('shop'), mbit(30));
  assert.equal(rate('night'), mbit(30), 'a site without a figure has none of its own');
  assert.equal(rate('docs', 'docs'), mbit(5), 'two of one site share the site’s');
  assert.equal(rate('docs', 'shop', 'shop', 'shop'), mbit(7.5), 'four share the segment’s');
  assert.equal(rate('constructor'), mbit(30), 'no site by accident');
  assert.deepEqual(allowedRate(null, 'docs', ['docs'], day), { bytesPerSecond: null, until: null });
  assert.deepEqual(allowedRate(said(null), 'docs', ['docs'], day), { bytesPerSecond: null, until: null });
});
