// Keeps each multicast session of this leader within what the CCM allows (LEAD-80 to LEAD-82), also when another one begins or ends, the hour changes or
// the CCM says something else. How much that is, is allowed-rate.ts's.

import type { Clock } from '../../net/clock.ts';
import { rateNow } from '../../net/rate/rate-now.ts';
import { allowedRate, type LeaderLimitsMessage } from './allowed-rate.ts';

export interface MulticastRates {
  /** The CCM's word; null: this node leads no more. */
  receive(limits: LeaderLimitsMessage | null): void;
  /** One more runs; what may be sent now is `allowed()`, and `apply` is called whenever that becomes another. */
  begin(site: string, apply: (bytesPerSecond: number | null) => void): RatedSession;
  /** What the segment's own limit says now; null: none. */
  ofSegment(): number | null;
  close(): void;
}

export interface RatedSession {
  allowed(): number | null;
  ended(): void;
}

export interface MulticastRatesOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970, by this machine's own clock: hours are meant by that. */
  readonly wallNow: () => number;
  /** Of the day, in this machine's time zone. */
  readonly minuteOf?: (atMs: number) => number;
}

interface Rated {
  readonly site: string;
  readonly apply: (bytesPerSecond: number | null) => void;
  bytesPerSecond: number | null;
}

/** A wall clock may be set at any time. */
const lookEveryMs = 60_000;

export function createMulticastRates({ clock, wallNow, minuteOf }: MulticastRatesOptions): MulticastRates {
  const sessions = new Set<Rated>();
  let said: LeaderLimitsMessage | null = null;
  let cancel: (() => void) | undefined;

  function look(but?: Rated): void {
    cancel?.();
    cancel = undefined;
    const running = [...sessions].map(({ site }) => site);
    const now = wallNow();
    let until: number | null = null;
    for (const session of sessions) {
      const allowed = allowedRate(said, session.site, running, now, minuteOf);
      if (allowed.until !== null) until = Math.min(until ?? allowed.until, allowed.until);
      if (allowed.bytesPerSecond === session.bytesPerSecond) continue;
      session.bytesPerSecond = allowed.bytesPerSecond;
      if (session !== but) session.apply(allowed.bytesPerSecond);
    }
    if (until === null) return;
    cancel = clock.after(Math.min(lookEveryMs, Math.max(1, until - now)), () => look());
  }

  return {
    receive(limits) {
      said = limits;
      look();
    },
    begin(site, apply) {
      const session: Rated = { site, apply, bytesPerSecond: null };
      sessions.add(session);
      look(session);
      return {
        allowed: () => session.bytesPerSecond,
        ended() {
          if (sessions.delete(session)) look();
        },
      };
    },
    ofSegment: () => rateNow(said?.segment ?? null, wallNow(), minuteOf).bytesPerSecond,
    close() {
      cancel?.();
      sessions.clear();
    },
  };
}
