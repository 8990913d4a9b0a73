// What the link is told of the segment's leader: where it takes connections, once the CCM accepts it; and whether it is this node.

import type { SegmentView } from '../segment/segment-view.ts';
import type { LeaderPlace } from './way-chooser.ts';

export function followedLeader(
  node: string,
  { leader, isAccepted, others }: SegmentView,
): { readonly leader: LeaderPlace | null; readonly leads: boolean } {
  if (leader === node) return { leader: null, leads: true };
  const place = isAccepted ? others.find((other) => other.node === leader) : undefined;
  return { leader: place ?? null, leads: false };
}
