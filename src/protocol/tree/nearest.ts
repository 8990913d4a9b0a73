// Of a few candidates in order the one that is nearest by coordinates (TREE-12); without coordinates the first.

import type { Coordinates } from './tree-machines.ts';

export function distanceMs(one: Coordinates, other: Coordinates): number {
  return Math.hypot(one.x - other.x, one.y - other.y) + one.height + other.height;
}

export function nearest<Item extends object>(
  to: Coordinates | null,
  candidates: readonly Item[],
  where: (item: Item) => Coordinates | null,
): Item | undefined {
  const [first] = candidates;
  if (to === null || first === undefined) return first;
  let best = first;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const item of candidates) {
    const at = where(item);
    const ms = at === null ? Number.POSITIVE_INFINITY : distanceMs(to, at);
    if (ms < bestMs) {
      best = item;
      bestMs = ms;
    }
  }
  return best;
}
