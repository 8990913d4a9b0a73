// From what leaders say of finished transfers to rates: what came in together, and what a source gave to several at once (TREE-98).

import type { TransferFigures } from '../../model/tree-messages.ts';

interface Given {
  readonly from: number;
  readonly to: number;
  readonly bytesPerSecond: number;
}

/** Less says more of delays than of rates. */
const bytesMin = 1_000_000;
const remembered = 32;

/** Null: too little to tell. */
export function rateOf({ bytes, ms }: Pick<TransferFigures, 'bytes' | 'ms'>): number | null {
  return bytes < bytesMin ? null : (bytes * 1_000) / Math.max(1, ms);
}

/** What a leader's link brought in all together, with sources that it fetched from at the same time. */
export function downRateOf(figures: readonly TransferFigures[]): number | null {
  const bytes = figures.reduce((sum, each) => sum + each.bytes, 0);
  const ms = Math.max(0, ...figures.map((each) => each.ms));
  return rateOf({ bytes, ms });
}

export interface GivenRates {
  /** A transfer that ended now; the rate at which its source gave all that it gave meanwhile. Null: too little to tell. */
  add(source: string, figures: Pick<TransferFigures, 'bytes' | 'ms'>, now: number): number | null;
  forget(source: string): void;
}

export function createGivenRates(): GivenRates {
  const bySource = new Map<string, readonly Given[]>();

  return {
    add(source, { bytes, ms }, now) {
      const bytesPerSecond = rateOf({ bytes, ms });
      if (bytesPerSecond === null) return null;
      const given = { from: now - Math.max(1, ms), to: now, bytesPerSecond };
      const before = bySource.get(source) ?? [];
      bySource.set(source, [given, ...before].slice(0, remembered));
      return before.reduce(
        (sum, other) => sum + other.bytesPerSecond * overlap(given, other),
        bytesPerSecond,
      );
    },
    forget: (source) => void bySource.delete(source),
  };
}

/** Which share of the first's time the other was given to as well. */
function overlap(given: Given, other: Given): number {
  const both = Math.min(given.to, other.to) - Math.max(given.from, other.from);
  return Math.max(0, both) / (given.to - given.from);
}
