// What a node does for the others of its segment, as the rest of the agent sees it. Each node has one: it opens the segment port; what only a leader
// does begins with the session that the CCM gives it (LEAD-20 to LEAD-42).

import type { RoundSubject } from '../../model/leader-messages.ts';
import type { MulticastSession } from '../../model/multicast-session.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { Clock } from '../../net/clock.ts';
import type { Dial } from '../../net/dial/ccm-dialer.ts';
import type { RangeClient } from '../../net/fetch/range-client.ts';
import type { AgentReport, ReceivedMessage } from '../../net/link/link-client.ts';
import type { SocketAddress } from '../../net/segment/trust/peer-book.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { MulticastOffersOptions } from '../multicast/multicast-offers.ts';
import type { SegmentView } from '../segment/segment-view.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { AssignmentMessage } from '../session/receive-assignment.ts';
import type { ReleaseKeys } from '../session/release-keys.ts';
import type { ReceivedBlocks } from '../store/site-store.ts';
import type { TreeRelays, TreeRelaysOptions } from '../tree/tree-relays.ts';
import type { HeldContent } from './held-content.ts';

export interface GroupLeader {
  /** The segment port is at this address, on TCP, from now on; null: nowhere. What keeps it from being opened is logged and tried again. */
  listenAt(own: SocketAddress | null): void;
  /** What came over this node's own link. What is none of a leader's is passed over. */
  receive(message: ReceivedMessage): void;
  /** The node's own link has ended: no session holds any more. */
  linkDown(): void;
  /** Of an assignment behind a URL: what this node holds or fetches for its members; null: it leads nobody, and fetches for itself alone. */
  heldContent(message: AssignmentMessage): HeldContent | null;
  status(): GroupLeaderStatus;
  close(): Promise<void>;
}

export interface GroupLeaderOptions {
  readonly node: string;
  /** The agent's state directory. */
  readonly directory: string;
  readonly ccmUrl: string;
  readonly credentials: () => TlsCredentials;
  /** From the CCM. */
  readonly ranges: RangeClient;
  /** Whether leaders of other segments are served beside the own segment (the default) or behind it. */
  readonly treeOrder?: 'together' | 'segment' | undefined;
  /** The ways to it; absent: the direct one. */
  readonly dial?: Dial | undefined;
  readonly releaseKeys: Pick<ReleaseKeys, 'verify' | 'keys'>;
  /** CCM time. */
  readonly ccmNow: () => number;
  readonly segment: {
    view(): SegmentView;
    isRevoked(fingerprint: string): boolean;
  };
  /** What the inbox of one of the node's own sites has of an assignment. */
  readonly received: (assignment: string) => ReceivedBlocks | null;
  /** Over the node's own link; false when there is none. */
  readonly send: (message: AgentReport) => boolean;
  /** A decision was handed to members: whatever else may bring it to them sooner. */
  readonly onDecision?: (decision: SignedDecision) => void;
  /** Absent: members fetch all that is not in its message. */
  readonly multicast?: Pick<MulticastOffersOptions, 'mctp' | 'isUsable'> | undefined;
  /** One that nobody sets; absent: this machine's. */
  readonly clock?: Clock;
  readonly random: () => number;
  readonly log: AgentLog;
  /** For tests. */
  readonly limits?: Partial<LeaderLimits>;
  readonly treeTimes?: TreeRelaysOptions['times'];
}

export interface LeaderLimits {
  readonly pingIntervalMs: number;
  /** How long a request waits for a block that is not here yet. */
  readonly blockWaitMs: number;
  /** What nobody asked for since so long is removed. */
  readonly keepMs: number;
  readonly tunnelIdleMs: number;
  /** Tunnels of all whose certificate is not one of this CCM's nodes'. */
  readonly strangerTunnelsMax: number;
  readonly nodeTunnelsMax: number;
  readonly tunnelsMax: number;
}

export interface GroupLeaderStatus {
  /** Where the segment port is open. */
  readonly port: SocketAddress | null;
  readonly isLeading: boolean;
  readonly members: readonly {
    readonly node: string;
    /** `opening`: the CCM has not answered yet; `connected`: with this node alone. */
    readonly state: 'connected' | 'opening' | 'behind';
  }[];
  readonly rounds: readonly (RoundSubject & { readonly reported: number; readonly of: number })[];
  readonly contents: readonly {
    readonly assignment: string;
    readonly site: string;
    readonly blocks: number;
    readonly held: number;
    /** Blocks that came from other nodes of the segment. */
    readonly fromMembers: number;
  }[];
  readonly tree: ReturnType<TreeRelays['status']>;
  readonly multicast: readonly MulticastSession[];
  /** What all of it together may send now, by the segment's limit; null: none, or this node leads nobody. */
  readonly bytesPerSecondMax: number | null;
  readonly tunnels: number;
}
