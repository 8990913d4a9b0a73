// Whether a job may start now: who counts, who is connected, and what is missing (R4.3, ARCHITECTURE §3.6).

import { limits } from './limits.ts';
import type { NodeState, SiteState } from './state.ts';
import { servingMembers, type Turn } from './turn.ts';

export type Readiness =
  | { readonly kind: 'ready'; readonly connected: readonly NodeState[]; readonly away: readonly NodeState[] }
  /** The CCM has just started and known members may still come back. */
  | { readonly kind: 'booting'; readonly until: number }
  | { readonly kind: 'short'; readonly reason: string };

export function readinessOf(turn: Turn, site: SiteState): Readiness {
  const members = servingMembers(turn, site);
  const connected = members.filter((node) => node.connection !== null);
  const away = members.filter((node) => node.connection === null);
  const bootEnd = turn.state.startedAt + limits.bootWaitMs;
  if (away.length > 0 && turn.now < bootEnd) return { kind: 'booting', until: bootEnd };
  if (members.length === 0) return { kind: 'short', reason: 'the site has no members outside maintenance' };
  const needed = neededOf(site.policy.start, members.length);
  if (connected.length < needed) {
    const names = away.map((node) => node.name);
    const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
    return {
      kind: 'short',
      reason: `${connected.length} of ${members.length} members are connected, ${needed} are needed (away: ${shown.join(', ')})`,
    };
  }
  return { kind: 'ready', connected, away };
}

/** How many of `members` satisfy a count-and-share rule. */
export function neededOf(rule: { readonly count: number; readonly share: number }, members: number): number {
  return Math.max(rule.count, Math.ceil(rule.share * members - 1e-9));
}
