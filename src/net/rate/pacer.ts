// Keeps transfers within limits of the rate (TREE-70 to TREE-74): one for all of them, one for those of each site, by the hour. Whoever may send next
// is who has had the least; limits hold at once, also for what is under way.

import type { RateLimit } from '../../model/rate-limit.ts';
import type { Clock } from '../clock.ts';
import { rateNow } from './rate-now.ts';
import {
  createBucket,
  filled,
  hasCredit,
  type TokenBucket,
  taken,
  waitMs,
  withRate,
} from './token-bucket.ts';

/** Of one transfer, which asks for one piece at a time. Undefined: these bytes may go now; else when it resolves. */
export type Pace = (bytes: number) => Promise<void> | undefined;

export interface PacerLimits {
  readonly all: RateLimit | null;
  /** By site; those that are not named have none of their own. */
  readonly sites: Readonly<Record<string, RateLimit>>;
}

export interface Pacer {
  set(limits: PacerLimits): void;
  /** A transfer of that site begins; null: of none. It needs no end. */
  begin(site: string | null): Pace;
  /** What the limit for all says now; null: none. */
  allowed(): number | null;
  /** All that was let through. */
  bytes(): number;
  /** Whoever waits goes on: there are no limits any more. */
  close(): void;
}

export interface PacerOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970, by this machine's own clock: hours are meant by that. */
  readonly wallNow: () => number;
  /** Of the day, in this machine's time zone. */
  readonly minuteOf?: (atMs: number) => number;
  readonly limits?: PacerLimits;
}

interface Waiting {
  readonly site: string | null;
  readonly bytes: number;
  /** What its transfer has had before, as far as it counts. */
  readonly order: number;
  readonly go: () => void;
}

interface Limited {
  readonly limit: RateLimit;
  bucket: TokenBucket;
}

/** A wall clock may be set at any time. */
const lookEveryMs = 60_000;
/** Not woken for each piece. */
const waitMsMin = 4;
/** A transfer that had less than others while it did not ask makes up for so much, and no more. */
const arrearsBytesMax = 262_144;

export function createPacer({ clock, wallNow, minuteOf, limits }: PacerOptions): Pacer {
  let all: Limited | null = null;
  const sites = new Map<string, Limited>();
  /** By order. */
  const waiting: Waiting[] = [];
  let served = 0;
  let bytes = 0;
  let lookedAt = 0;
  let lookAgainAt: number | null = null;
  let cancel: (() => void) | undefined;

  function limited(limit: RateLimit | null | undefined, before: Limited | null | undefined): Limited | null {
    if (limit == null) return null;
    return { limit, bucket: before?.bucket ?? createBucket(null, clock.now()) };
  }

  function set({ all: ofAll, sites: ofSites }: PacerLimits): void {
    all = limited(ofAll, all);
    for (const name of sites.keys()) if (!Object.hasOwn(ofSites, name)) sites.delete(name);
    for (const [name, limit] of Object.entries(ofSites)) {
      const next = limited(limit, sites.get(name));
      if (next !== null) sites.set(name, next);
    }
    look();
    serve(waiting.length > 0);
  }

  /** By the hour. */
  function look(): void {
    const now = wallNow();
    lookedAt = now;
    lookAgainAt = null;
    for (const each of [all, ...sites.values()]) {
      if (each === null) continue;
      const { bytesPerSecond, until } = rateNow(each.limit, now, minuteOf);
      each.bucket = withRate(each.bucket, bytesPerSecond, clock.now());
      if (until !== null) lookAgainAt = Math.min(lookAgainAt ?? until, until, now + lookEveryMs);
    }
  }

  function isLookDue(): boolean {
    if (lookAgainAt === null) return false;
    const now = wallNow();
    return now >= lookAgainAt || now < lookedAt;
  }

  function limitsOn(site: string | null): Limited[] {
    const ofSite = site === null ? undefined : sites.get(site);
    return [...(all === null ? [] : [all]), ...(ofSite === undefined ? [] : [ofSite])];
  }

  function isOpen(each: Limited, now: number, isWanted: boolean): boolean {
    each.bucket = filled(each.bucket, now, isWanted && !hasCredit(each.bucket));
    return hasCredit(each.bucket);
  }

  /** `isLate`: somebody has waited until now. */
  function serve(isLate: boolean): void {
    cancel?.();
    cancel = undefined;
    if (isLookDue()) look();
    const now = clock.now();
    for (let index = 0; index < waiting.length; ) {
      if (all !== null && !isOpen(all, now, isLate)) break;
      const next = waiting[index] as Waiting;
      if (limitsOn(next.site).every((each) => isOpen(each, now, isLate))) {
        waiting.splice(index, 1);
        letThrough(next);
        next.go();
      } else index += 1;
    }
    if (waiting.length === 0) return;
    const lookInMs = lookAgainAt === null ? lookEveryMs : Math.max(1, lookAgainAt - wallNow());
    cancel = clock.after(Math.min(lookInMs, Math.max(waitMsMin, creditInMs())), () => serve(true));
  }

  /** Until somebody may have it. */
  function creditInMs(): number {
    const ofAll = all === null ? 0 : waitMs(all.bucket);
    if (ofAll > 0) return ofAll;
    const ofSites = new Set(waiting.map(({ site }) => site));
    return Math.min(
      ...[...ofSites].map((site) => Math.max(...limitsOn(site).map((each) => waitMs(each.bucket)))),
    );
  }

  function letThrough({ site, bytes: of, order }: Omit<Waiting, 'go'>): void {
    for (const each of limitsOn(site)) each.bucket = taken(each.bucket, of);
    bytes += of;
    served = Math.max(served, order);
  }

  function wait(next: Waiting): void {
    let index = waiting.length;
    while (index > 0 && (waiting[index - 1] as Waiting).order > next.order) index -= 1;
    waiting.splice(index, 0, next);
  }

  if (limits !== undefined) set(limits);
  return {
    set,
    begin(site) {
      let had = served;
      return (of) => {
        const order = Math.max(had, served - arrearsBytesMax);
        had = order + of;
        if (all === null && (site === null || !sites.has(site))) {
          bytes += of;
          return undefined;
        }
        let isThrough = false;
        let go = (): void => {
          isThrough = true;
        };
        const isLate = waiting.length > 0;
        wait({ site, bytes: of, order, go: () => go() });
        serve(isLate);
        if (isThrough) return undefined;
        return new Promise((resolve) => {
          go = resolve;
        });
      };
    },
    allowed() {
      if (isLookDue()) look();
      return all?.bucket.bytesPerSecond ?? null;
    },
    bytes: () => bytes,
    close: () => set({ all: null, sites: {} }),
  };
}
