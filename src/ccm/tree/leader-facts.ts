// All that the CCM knows of leaders when it hands out: where they are reached, what was measured, what they report, and whom the operator wants first.

import type { TreeLeader } from '../../protocol/tree/tree-machines.ts';
import type { BelievedReport } from '../db/schema.ts';
import type { Registry } from '../registry/registry.ts';
import type { LeaderMeasures } from './leader-measures.ts';
import type { LeaderPlaces } from './leader-places.ts';

export interface LeaderFacts {
  readonly places: LeaderPlaces;
  readonly measures: LeaderMeasures;
  of(node: string, segment: string): TreeLeader;
  /** Those of a site, the best first (TREE-10). */
  inOrder<Item extends { readonly leader: TreeLeader }>(site: string, items: readonly Item[]): Item[];
}

export interface LeaderFactsOptions {
  readonly registry: Pick<Registry, 'sites' | 'groups' | 'segments'>;
  readonly places: LeaderPlaces;
  readonly measures: LeaderMeasures;
  readonly reportOf: (leader: string) => BelievedReport | undefined;
}

export function createLeaderFacts(options: LeaderFactsOptions): LeaderFacts {
  const { registry, places, measures } = options;

  /** By segment id or node name: its place in the operator's order. */
  function operatorsOrder(site: string): ReadonlyMap<string, number> {
    const group = registry.sites.find(site)?.group;
    const order = group === undefined ? [] : registry.groups.get(group).order;
    if (order.length === 0) return new Map();
    const segments = new Map(registry.segments.list().map(({ id, name }) => [name, id]));
    return new Map(order.map((name, index) => [segments.get(name) ?? name, index]));
  }

  return {
    places,
    measures,
    of(node, segment) {
      const { upBytesPerSecond, downBytesPerSecond, delayMs, coordinates } = measures.of(node);
      const place = places.of(node);
      return { segment, node, place, upBytesPerSecond, downBytesPerSecond, delayMs, coordinates };
    },
    inOrder(site, items) {
      const order = operatorsOrder(site);
      return [...items].sort((a, b) => {
        const rank = ({ leader }: { leader: TreeLeader }): number =>
          order.get(leader.segment) ?? order.get(leader.node) ?? order.size;
        return rank(a) - rank(b) || (a.leader.node < b.leader.node ? -1 : 1);
      });
    },
  };
}
