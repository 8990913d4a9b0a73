// Other segments of the CCM whose leaders are within hearing (LINK-45): each for some seconds after its last LA.

import { unassignedSegment } from '../../model/segment.ts';
import type { Clock } from '../../net/clock.ts';

export interface HeardSegments {
  note(segment: string): void;
  /** Without the node's own. */
  list(own: string): readonly string[];
}

const heardForMs = 10_000;
const heardMax = 16;

export function createHeardSegments(clock: Clock): HeardSegments {
  const heard = new Map<string, number>();
  return {
    note(segment) {
      if (segment === unassignedSegment) return;
      heard.delete(segment);
      heard.set(segment, clock.now());
      if (heard.size > heardMax) heard.delete(heard.keys().next().value as string);
    },
    list(own) {
      const from = clock.now() - heardForMs;
      return [...heard].flatMap(([segment, at]) => (at > from && segment !== own ? [segment] : [])).sort();
    },
  };
}
