// What the rest of the agent sees of its segment: where it is, whom it follows and whether the CCM accepts that leader, and where others are reached.

import type { SegmentPeer } from '../../model/segment-messages.ts';
import type { LocalInterface } from '../../net/segment/channel/local-interfaces.ts';
import type { SegmentDriver } from '../../net/segment/segment-driver.ts';
import type { StationState } from '../../net/segment/segment-station.ts';
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
  /** What multicast is to go over; null while there is no interface, or the segment has none. */
  readonly network: SegmentNetwork | null;
  /** Those of the leader's list that are there, and whom else the CCM names; without this node. */
  readonly others: readonly SegmentNeighbour[];
}

export interface SegmentNetwork {
  readonly interface: LocalInterface;
  /** The longest UDP payload that was heard to arrive; null: none was tried yet. */
  readonly bytesMax: number | null;
  /** Whether what this node sends to the group arrives, and whether it hears the group, as far as is known. */
  readonly isHeard: boolean;
  readonly hears: boolean;
}

export interface SegmentViewFacts {
  readonly node: string;
  readonly segment: string;
  /** Undefined while the node takes no part in any segment. */
  readonly driver: SegmentDriver | undefined;
  /** Whom the CCM accepts here, as it told this node. */
  readonly accepted: string | null;
  readonly peers: readonly SegmentPeer[];
}

export function segmentView({ node, segment, driver, accepted, peers }: SegmentViewFacts): SegmentView {
  if (driver === undefined)
    return { segment, leader: null, isAccepted: false, own: null, network: null, others: [] };
  const { leader, members } = driver.machine();
  const listed = members.filter((member) => member.online);
  const names = new Set([node, ...members.map((member) => member.node)]);
  const others = [...listed, ...peers.filter((peer) => !names.has(peer.node))];
  return {
    segment,
    leader,
    isAccepted: leader !== null && leader === (leader === node ? accepted : driver.acceptedLeader()),
    own: driver.state().own,
    network: networkOf(driver.state()),
    others: others.flatMap(({ node: name, address, port }) =>
      name === node ? [] : [{ node: name, address, port }],
    ),
  };
}

function networkOf(state: StationState): SegmentNetwork | null {
  const { interface: local, isJoined, use, verdict } = state;
  if (local === null || !isJoined) return null;
  return { interface: local, bytesMax: verdict?.bytesMax ?? null, ...use };
}
