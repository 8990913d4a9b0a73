// What the rest of the agent sees of its segment: where it is, whom it follows and whether the CCM accepts that leader, and where others are reached.

import type { SocketAddress } from '../../net/segment/trust/peer-book.ts';

/** Another node of the segment. Its segment port is the TCP port of the same address and number. */
export interface SegmentNeighbour extends SocketAddress {
  readonly node: string;
}

export interface SegmentView {
  /** `unassignedSegment`: none yet. */
  readonly segment: string;
  /** Whom this node follows, which may be itself; null: nobody. */
  readonly leader: string | null;
  /** That leader says that the CCM accepts it; of this node itself: the CCM says so. */
  readonly isAccepted: boolean;
  /** Where this node is reached on the control channel; null while it is not. */
  readonly own: SocketAddress | null;
  /** The leader's list, and whom else the CCM names; without this node. */
  readonly others: readonly SegmentNeighbour[];
}

/** While the node takes no part in any. */
export const noSegmentView: Omit<SegmentView, 'segment'> = {
  leader: null,
  isAccepted: false,
  own: null,
  others: [],
};
