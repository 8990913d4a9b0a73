// How much this node may send by multicast now, of what the CCM said (LEAD-80 to LEAD-82): of its segment, of each site, by the hour of its own clock.

import type { LeaderCcmMessage } from '../../model/leader-messages.ts';
import { type AllowedRate, rateNow } from '../../net/rate/rate-now.ts';

export type LeaderLimitsMessage = Extract<LeaderCcmMessage, { readonly type: 'leaderLimits' }>;

/**
 * For one of the sessions that run now, of that site; `running`: the sites of all of them, this one among them. What a limit gives is shared by those
 * that it is for. `said` is null before the CCM's first word: nothing is limited.
 */
export function allowedRate(
  said: LeaderLimitsMessage | null,
  site: string,
  running: readonly string[],
  nowMs: number,
  minuteOf?: (atMs: number) => number,
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
