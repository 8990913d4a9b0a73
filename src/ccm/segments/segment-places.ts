// Where a node belongs that nobody placed, or that left the segment where it was placed (SEG-4 to SEG-6). Nobody is placed by another's word
// alone: a leader lists it, and it says itself that it follows that leader, or that it hears the segment.

import type { LeaderClaim } from '../../protocol/segment/acceptance.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import type { SegmentRecord } from '../registry/segment-registry.ts';
import type { NodeState } from './segment-links.ts';

export interface PlacesView {
  segment(id: string): SegmentRecord | undefined;
  nodesOf(segment: string): readonly NodeRecord[];
  accepted(segment: string): LeaderClaim | null;
  /** How many others are online by the last report of this leader, accepted or not. */
  othersWith(leader: string): number;
}

/** Who goes where: a node, or with the leader everybody. */
export interface Move {
  readonly to: SegmentRecord;
  readonly nodes: readonly string[];
}

/** The segment that a node without one belongs to by what it hears: the strongest that has a leader. */
export function heardSegment(state: NodeState | undefined, view: PlacesView): SegmentRecord | undefined {
  const heard = (state?.heard ?? []).flatMap((id) => view.segment(id) ?? []);
  return heard
    .filter(({ id }) => view.accepted(id) !== null)
    .reduce<SegmentRecord | undefined>(
      (best, segment) => (best === undefined || isStronger(segment, best, view) ? segment : best),
      undefined,
    );
}

/** Where a node went, as long as this lasts. Operators' and tokens' words are not undone by this. */
export function wentTo(node: NodeRecord, state: NodeState | undefined, view: PlacesView): Move | undefined {
  const own = node.segment === null ? undefined : view.segment(node.segment);
  if (own === undefined || state?.segment !== own.id || isPinned(node)) return undefined;
  const accepted = view.accepted(own.id);
  const isLeader = accepted?.leader === node.name;
  const isFollowing = accepted !== null && state.leader === accepted.leader;
  if (!isLeader && (isFollowing || view.othersWith(node.name) > 0)) return undefined;
  const other = heardSegment({ ...state, heard: state.heard.filter((id) => id !== own.id) }, view);
  if (other === undefined) return undefined;
  if (!isLeader) return { to: other, nodes: [node.name] };
  // Two segments that hear each other are one, unless somebody wanted two.
  const nodes = view.nodesOf(own.id);
  if (nodes.some(isPinned) || !isStronger(other, own, view)) return undefined;
  return { to: other, nodes: nodes.map(({ name }) => name) };
}

function isPinned({ segmentBy }: NodeRecord): boolean {
  return segmentBy === 'operator' || segmentBy === 'token';
}

/** One whose leader is followed goes before one whose leader is alone, then the older one: of any two, always the same. */
function isStronger(a: SegmentRecord, b: SegmentRecord, view: PlacesView): boolean {
  const isFollowed = ({ id }: SegmentRecord): boolean => view.othersWith(view.accepted(id)?.leader ?? '') > 0;
  if (isFollowed(a) !== isFollowed(b)) return isFollowed(a);
  return a.createdAt === b.createdAt ? a.id < b.id : a.createdAt < b.createdAt;
}
