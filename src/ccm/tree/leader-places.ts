// Where other leaders fetch from a leader: the address and port of its segment port, as it reports itself. One that two different leaders did not reach has no
// place for a while: it is behind NAT or a filter, and only fetches (TREE-92).

import type { Clock } from '../../net/clock.ts';
import type { BelievedReport } from '../db/schema.ts';

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface LeaderPlaces {
  /** Null: nobody reaches it from outside, or nobody knows where. */
  of(node: string): Place | null;
  /** `by` did not reach it. */
  unreached(node: string, by: string): void;
  /** Somebody fetched from it, or it is another one by now. */
  reached(node: string): void;
}

const rememberedMs = 10 * 60_000;
const accusersMin = 2;
const nodesMax = 20_000;

export function createLeaderPlaces(
  clock: Pick<Clock, 'now'>,
  reportOf: (leader: string) => Pick<BelievedReport, 'members'> | undefined,
): LeaderPlaces {
  /** By node and address: who did not reach it, and when last. */
  const accused = new Map<string, { readonly by: Set<string>; readonly address: string; at: number }>();

  function reported(node: string): Place | null {
    const own = reportOf(node)?.members.find((member) => member.node === node);
    return own === undefined ? null : { address: own.address, port: own.port };
  }

  return {
    of(node) {
      const place = reported(node);
      const known = accused.get(node);
      if (place === null || known === undefined) return place;
      if (known.address !== place.address || clock.now() - known.at > rememberedMs) {
        accused.delete(node);
        return place;
      }
      return known.by.size < accusersMin ? place : null;
    },
    unreached(node, by) {
      const address = reported(node)?.address;
      if (address === undefined || node === by) return;
      const before = accused.get(node);
      const known = before?.address === address ? before : { by: new Set<string>(), address, at: 0 };
      if (known.by.size < accusersMin) known.by.add(by);
      known.at = clock.now();
      accused.delete(node);
      accused.set(node, known);
      if (accused.size > nodesMax) accused.delete(accused.keys().next().value as string);
    },
    reached: (node) => void accused.delete(node),
  };
}
