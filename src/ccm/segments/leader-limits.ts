// What accepted leaders are told of how much they may send: by multicast (LEAD-80), and to other segments and from elsewhere (TREE-70). After each
// session's begin, and when it changes.

import type { LeaderCcmMessage } from '../../model/leader-messages.ts';
import type { RateLimit } from '../../model/rate-limit.ts';
import { sitesMax } from '../../net/link/limits.ts';
import type { Registry } from '../registry/registry.ts';

type Limits = Extract<LeaderCcmMessage, { type: 'leaderLimits' }>;

export interface LeaderLimits {
  /** That node has just been told of a session of that segment; null: nobody leads it any more. */
  began(segment: string, leader: string | null): void;
  /** Whoever needs to know something else than before is told. */
  changed(): void;
}

export interface LeaderLimitsOptions {
  readonly registry: Pick<Registry, 'segments' | 'sites' | 'groups' | 'nodes'>;
  readonly send: (leader: string, message: Limits) => void;
  /** Who does not know of the tree would refuse a message that speaks of it. */
  readonly speaksTree: (leader: string) => boolean;
}

export function createLeaderLimits({ registry, send, speaksTree }: LeaderLimitsOptions): LeaderLimits {
  /** By segment. */
  const told = new Map<string, { readonly leader: string; text: string }>();

  /** Sites with a limit, and in which segments they have a node: a leader hears of no others. */
  function limitedSites(): {
    readonly name: string;
    readonly rate: RateLimit | null;
    readonly wanRate: RateLimit | null;
    readonly segments: ReadonlySet<string | null>;
  }[] {
    const limited = registry.sites.list().flatMap(({ name, group, policy: { rate, wanRate } }) => {
      return rate === null && wanRate === null ? [] : [{ name, group, rate, wanRate }];
    });
    if (limited.length === 0) return [];
    const segmentOf = new Map(registry.nodes.list().map(({ name, segment }) => [name, segment]));
    return limited.map(({ group, ...limit }) => ({
      ...limit,
      segments: new Set(registry.groups.membersOf(group).map((node) => segmentOf.get(node) ?? null)),
    }));
  }

  function limitsOf(leader: string, segment: string, sites: ReturnType<typeof limitedSites>): Limits {
    const own = sites.filter(({ segments }) => segments.has(segment));
    const record = registry.segments.find(segment);
    return {
      type: 'leaderLimits',
      segment: record?.rate ?? null,
      sites: byName(own.map(({ name, rate }) => [name, rate])),
      ...(speaksTree(leader)
        ? {
            wan: {
              segment: record?.wanRate ?? null,
              sites: byName(own.map(({ name, wanRate }) => [name, wanRate])),
            },
          }
        : {}),
    };
  }

  return {
    began(segment, leader) {
      told.delete(segment);
      if (leader === null) return;
      const limits = limitsOf(leader, segment, limitedSites());
      told.set(segment, { leader, text: JSON.stringify(limits) });
      send(leader, limits);
    },
    changed() {
      if (told.size === 0) return;
      const sites = limitedSites();
      for (const [segment, last] of told) {
        const limits = limitsOf(last.leader, segment, sites);
        const text = JSON.stringify(limits);
        if (text === last.text) continue;
        last.text = text;
        send(last.leader, limits);
      }
    },
  };
}

function byName(limits: readonly (readonly [string, RateLimit | null])[]): Record<string, RateLimit> {
  return Object.fromEntries(
    limits.flatMap(([name, limit]) => (limit === null ? [] : [[name, limit] as const])).slice(0, sitesMax),
  );
}
