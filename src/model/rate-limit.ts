// How much group leaders may send by multicast, as operators say it: so many Mbit/s, and other figures at some hours of the day.

export interface RateLimit {
  /** Outside of the hours; null: no limit. */
  readonly mbit: number | null;
  /** The first that holds counts. */
  readonly hours: readonly RateHours[];
}

/** By the leader's own clock and time zone, each day; from later than to: over midnight. */
export interface RateHours {
  /** `HH:MM`. */
  readonly from: string;
  /** Not included. */
  readonly to: string;
  readonly mbit: number | null;
}

export const hourPattern = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
export const rateHoursMax = 24;
export const rateMbitMin = 0.1;
export const rateMbitMax = 100_000;
export const bytesPerMbit = 125_000;

/** What is wrong with these hours, behind "must"; undefined: nothing. */
export function rateHoursProblem({ from, to }: Pick<RateHours, 'from' | 'to'>): string | undefined {
  if (!hourPattern.test(from) || !hourPattern.test(to)) return 'be from HH:MM to HH:MM';
  return from === to ? 'end at another minute than they begin' : undefined;
}
