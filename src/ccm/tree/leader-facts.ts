// All that the CCM knows of leaders when it hands out: where they are reached, what was measured, what they report, what limits them, and whom the operator
// wants first.

import type { RateLimit } from '../../model/rate-limit.ts';
import type { Clock } from '../../net/clock.ts';
import { rateNow } from '../../net/rate/rate-now.ts';
import { type LeaderParameters, leaderOrder } from '../../protocol/tree/leader-order.ts';
import type { TreeLeader } from '../../protocol/tree/tree-machines.ts';
import type { BelievedReport } from '../db/schema.ts';
import type { Registry } from '../registry/registry.ts';
import type { LeaderMeasures } from './leader-measures.ts';
import type { LeaderPlaces } from './leader-places.ts';

/** As it is now, for deliveries of one site. */
export interface SiteLeaders {
  of(node: string, segment: string): TreeLeader;
  /** The best first (TREE-10). */
  inOrder<Item extends { readonly leader: TreeLeader }>(items: readonly Item[]): Item[];
}

export interface LeaderFacts {
  readonly places: LeaderPlaces;
  readonly measures: LeaderMeasures;
  forSite(site: string): SiteLeaders;
}

export interface LeaderFactsOptions {
  readonly registry: Pick<Registry, 'sites' | 'groups' | 'segments'>;
  readonly places: LeaderPlaces;
  readonly measures: LeaderMeasures;
  readonly reportOf: (leader: string) => BelievedReport | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

/** The CCM has no location of its own that anybody said. */
const near = { location: null, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone };

export function createLeaderFacts(options: LeaderFactsOptions): LeaderFacts {
  const { registry, places, measures, reportOf, clock } = options;

  /** Hours are looked at by the CCM's clock: which leader bears more is all that depends on it. */
  function allowed(limits: readonly (RateLimit | null | undefined)[]): number | null {
    const rates = limits.flatMap((limit) => rateNow(limit ?? null, clock.now()).bytesPerSecond ?? []);
    return rates.length === 0 ? null : Math.min(...rates);
  }

  function parametersOf({ node, segment, upBytesPerSecond, delayMs }: TreeLeader): LeaderParameters {
    const { done, failed } = measures.of(node);
    const report = reportOf(node);
    const offer = report?.members.find((member) => member.node === node)?.offer;
    return {
      ...{ node, segment, upBytesPerSecond, delayMs, done, failed },
      cpus: report?.cpus ?? null,
      load: offer == null ? null : offer.load / 100,
      freeBytes: report?.freeBytes ?? null,
      connections: report?.connections ?? null,
      location: report?.location ?? null,
      timeZone: report?.timeZone ?? null,
    };
  }

  return {
    places,
    measures,
    forSite(name) {
      const site = registry.sites.find(name);
      const wanRates = registry.segments.wanRates();
      return {
        of(node, segment) {
          const { upBytesPerSecond, downBytesPerSecond, delayMs, coordinates } = measures.of(node);
          const limit = allowed([wanRates.get(segment), site?.policy.wanRate]);
          const up =
            limit === null ? upBytesPerSecond : Math.min(limit, upBytesPerSecond ?? Number.POSITIVE_INFINITY);
          const place = places.of(node);
          return { segment, node, place, upBytesPerSecond: up, downBytesPerSecond, delayMs, coordinates };
        },
        inOrder(items) {
          // Each leader that comes back is one by itself: nothing is read of all groups and segments for it.
          if (items.length < 2) return [...items];
          const first = site === undefined ? [] : registry.groups.get(site.group).order;
          const names = first.length === 0 ? undefined : registry.segments.names();
          const named = ({ leader }: { readonly leader: TreeLeader }): LeaderParameters => ({
            ...parametersOf(leader),
            segment: names?.get(leader.segment) ?? leader.segment,
          });
          return leaderOrder(items, named, { first, near });
        },
      };
    },
  };
}
