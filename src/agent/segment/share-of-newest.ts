// How much of the recent content a node holds (R5.2): of its sites, those whose last decision is live here.

import type { SiteHolding } from '../../model/messages.ts';

/** 1 for a node without sites: it misses nothing. */
export function shareOfNewest(holdings: readonly (SiteHolding | null)[]): number {
  const decided = holdings.filter((holding) => holding?.lastDecision !== null);
  if (decided.length === 0) return 1;
  return decided.filter((holding) => holding?.executed === true).length / decided.length;
}
