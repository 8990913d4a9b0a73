// What accepted leaders are told of how much they may send by multicast (LEAD-80): after each session's begin, and when it changes.

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

export function createLeaderLimits(
  registry: Pick<Registry, 'segments' | 'sites' | 'groups' | 'nodes'>,
  send: (leader: string, message: Limits) => void,
): LeaderLimits {
  /** By segment. */
  const told = new Map<string, { readonly leader: string; text: string }>();

  /** Sites with a limit, and in which segments they have a node: a leader hears of no others. */
  function limitedSites(): {
    readonly name: string;
    readonly rate: RateLimit;
    segments: Set<string | null>;
  }[] {
    const limited = registry.sites.list().flatMap(({ name, group, policy: { rate } }) => {
      return rate === null ? [] : [{ name, group, rate }];
    });
    if (limited.length === 0) return [];
    const segmentOf = new Map(registry.nodes.list().map(({ name, segment }) => [name, segment]));
    return limited.map(({ name, group, rate }) => ({
      name,
      rate,
      segments: new Set(registry.groups.membersOf(group).map((node) => segmentOf.get(node) ?? null)),
    }));
  }

  function limitsOf(segment: string, sites: ReturnType<typeof limitedSites>): Limits {
    const own = sites.filter(({ segments }) => segments.has(segment)).slice(0, sitesMax);
    return {
      type: 'leaderLimits',
      segment: registry.segments.find(segment)?.rate ?? null,
      sites: Object.fromEntries(own.map(({ name, rate }) => [name, rate])),
    };
  }

  return {
    began(segment, leader) {
      told.delete(segment);
      if (leader === null) return;
      const limits = limitsOf(segment, limitedSites());
      told.set(segment, { leader, text: JSON.stringify(limits) });
      send(leader, limits);
    },
    changed() {
      if (told.size === 0) return;
      const sites = limitedSites();
      for (const [segment, last] of told) {
        const limits = limitsOf(segment, sites);
        const text = JSON.stringify(limits);
        if (text === last.text) continue;
        last.text = text;
        send(last.leader, limits);
      }
    },
  };
}
