// Where a node belongs that nobody placed, or that left the segment where it was placed (SEG-4 to SEG-6). Nobody is placed by another's word
// alone: a leader lists it, and it says itself that it follows that leader, or that it hears the segment.

import type { LeaderClaim } from '../../protocol/segment/acceptance.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import type { SegmentRecord } from '../registry/segment-registry.ts';
import type { NodeState } from './segment-links.ts';

export interface PlacesView {
  segment(id: string): SegmentRecord | undefined;
  accepted(segment: string): LeaderClaim | null;
  /** Of the segment's present leaders, accepted or not: how many others listed by this one are online. */
  othersWith(leader: string): number;
}

/** The segment that a node without one belongs to by what it hears: the oldest that has a leader. */
export function heardSegment(state: NodeState | undefined, view: PlacesView): SegmentRecord | undefined {
  const heard = (state?.heard ?? []).flatMap((id) => view.segment(id) ?? []);
  return heard.filter(({ id }) => view.accepted(id) !== null).sort(byAge)[0];
}

/**
 * Where a node went, as long as this lasts: it hears another segment, and of its own neither an accepted leader that it follows nor anybody
 * who follows it. Operators' and tokens' words are not undone by this.
 */
export function wentTo(
  node: NodeRecord,
  state: NodeState | undefined,
  view: PlacesView,
): SegmentRecord | undefined {
  const own = node.segment === null ? undefined : view.segment(node.segment);
  if (own === undefined || state === undefined) return undefined;
  if (node.segmentBy === 'operator' || node.segmentBy === 'token') return undefined;
  if (state.segment !== own.id) return undefined;
  const accepted = view.accepted(own.id);
  if (state.leader !== null && state.leader !== node.name && state.leader === accepted?.leader)
    return undefined;
  if (view.othersWith(node.name) > 0) return undefined;
  const other = heardSegment({ ...state, heard: state.heard.filter((id) => id !== own.id) }, view);
  if (other === undefined) return undefined;
  // Two that are alone and hear each other: the younger goes to the older one.
  const isOwnLeader = accepted?.leader === node.name;
  const isOtherAlone = view.othersWith(view.accepted(other.id)?.leader ?? '') === 0;
  return isOwnLeader && isOtherAlone && byAge(own, other) < 0 ? undefined : other;
}

function byAge(a: SegmentRecord, b: SegmentRecord): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}
