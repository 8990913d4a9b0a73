// How much this node may send by multicast now, of what the CCM said (LEAD-80 to LEAD-82): of its segment, of each site, by the hour of its own clock.

import type { LeaderCcmMessage } from '../../model/leader-messages.ts';
import { bytesPerMbit, type RateLimit } from '../../model/rate-limit.ts';

export type LeaderLimitsMessage = Extract<LeaderCcmMessage, { readonly type: 'leaderLimits' }>;

export interface AllowedRate {
  /** Null: no limit. */
  readonly bytesPerSecond: number | null;
  /** It holds until then, milliseconds since 1970, and is to be asked for again; null: until the CCM says something else. */
  readonly until: number | null;
}

const minuteMs = 60_000;
const dayMinutes = 1_440;
/** Clocks are put forward and back at quarters of an hour. */
const clockChangeMs = 15 * minuteMs;

/**
 * For one of the sessions that run now, of that site; `running`: the sites of all of them, this one among them. What a limit gives is shared by those
 * that it is for. `said` is null before the CCM's first word: nothing is limited.
 */
export function allowedRate(
  said: LeaderLimitsMessage | null,
  site: string,
  running: readonly string[],
  nowMs: number,
  minuteOf = minuteOfDay,
): AllowedRate {
  const ofSite = said !== null && Object.hasOwn(said.sites, site) ? said.sites[site] : null;
  const parts = [
    shared(rateNow(said?.segment ?? null, nowMs, minuteOf), running.length),
    shared(rateNow(ofSite ?? null, nowMs, minuteOf), running.filter((name) => name === site).length),
  ];
  return {
    bytesPerSecond: smallest(parts.map(({ bytesPerSecond }) => bytesPerSecond)),
    until: smallest(parts.map(({ until }) => until)),
  };
}

/** What one limit says now. */
export function rateNow(limit: RateLimit | null, nowMs: number, minuteOf = minuteOfDay): AllowedRate {
  if (limit === null) return { bytesPerSecond: null, until: null };
  if (limit.hours.length === 0) return { bytesPerSecond: bytesOf(limit.mbit), until: null };
  const minute = minuteOf(nowMs);
  const holding = limit.hours.find(({ from, to }) => isWithin(minute, minuteAt(from), minuteAt(to)));
  const bounds = limit.hours.flatMap(({ from, to }) => [minuteAt(from), minuteAt(to)]);
  const minutesLeft = Math.min(
    ...bounds.map((bound) => (bound - minute + dayMinutes) % dayMinutes || dayMinutes),
  );
  const thisMinute = nowMs - (nowMs % minuteMs);
  const nextClockChange = nowMs - (nowMs % clockChangeMs) + clockChangeMs;
  return {
    bytesPerSecond: bytesOf(holding === undefined ? limit.mbit : holding.mbit),
    until: Math.min(thisMinute + minutesLeft * minuteMs, nextClockChange),
  };
}

/** By this machine's time zone. */
function minuteOfDay(atMs: number): number {
  const local = new Date(atMs);
  return local.getHours() * 60 + local.getMinutes();
}

function minuteAt(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

function isWithin(minute: number, from: number, to: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

function bytesOf(mbit: number | null): number | null {
  return mbit === null ? null : Math.floor(mbit * bytesPerMbit);
}

function shared({ bytesPerSecond, until }: AllowedRate, sessions: number): AllowedRate {
  if (bytesPerSecond === null) return { bytesPerSecond, until };
  return { bytesPerSecond: Math.max(1, Math.floor(bytesPerSecond / Math.max(1, sessions))), until };
}

function smallest(values: readonly (number | null)[]): number | null {
  return values.reduce((least, value) => {
    if (value === null || least === null) return least ?? value;
    return Math.min(least, value);
  }, null);
}
