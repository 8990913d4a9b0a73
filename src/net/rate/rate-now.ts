// What a limit of the rate says at a time (LEAD-81), by this machine's own clock and time zone.

import { bytesPerMbit, type RateLimit } from '../../model/rate-limit.ts';

export interface AllowedRate {
  /** Null: no limit. */
  readonly bytesPerSecond: number | null;
  /** It holds until then, milliseconds since 1970, and is to be asked for again; null: until the limit itself is another. */
  readonly until: number | null;
}

const minuteMs = 60_000;
const dayMinutes = 1_440;
/** Clocks are put forward and back at quarters of an hour. */
const clockChangeMs = 15 * minuteMs;

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
