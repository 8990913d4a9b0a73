// Segments as the API shows them: who leads, who belongs there, what their leaders say.

import type { WanTraffic } from './leader-messages.ts';
import type { MulticastSession } from './multicast-session.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Release } from './release.ts';
import type {
  ControlChannel,
  ElectionState,
  LeadRole,
  MemberOffer,
  PlacedBy,
  SegmentReport,
} from './segment.ts';
import type { LeaderFacts } from './segment-messages.ts';
import type { WireError } from './treecast-error.ts';

/** A node's leader speaks for it: it needs no connection with the CCM. */
export interface BehindResource {
  readonly leader: string;
  readonly since: string;
}

/** What a node last said of itself in its segment, as the CCM received it. */
export interface NodeElectionResource {
  readonly saidAt: string;
  readonly state: ElectionState;
  readonly term: number;
  /** Whom it follows. */
  readonly leader: string | null;
  readonly priority: number;
  /** What the priority is made of, by name. */
  readonly priorityTerms: Readonly<Record<string, number>>;
  /** When it had last heard a leader, by the CCM's clock. */
  readonly aliveAt: string | null;
  /** Where it is reached on the control channel, over which transport, and why that one. */
  readonly address: string | null;
  readonly port: number;
  readonly transport: ControlChannel['transport'];
  readonly reason: string;
  /** Names of other segments that it hears. */
  readonly heard: readonly string[];
  /** What it dropped since its start, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * `leader`: accepted; `online`, `offline`: as that one reports; `apart`: it follows one that is not accepted; `unreported`: no word of it.
 */
export type SegmentMemberState = 'leader' | 'online' | 'offline' | 'apart' | 'unreported';

export interface SegmentMemberResource {
  readonly node: string;
  readonly state: SegmentMemberState;
  /** With `apart`: whom. */
  readonly follows: string | null;
  readonly connected: boolean;
  readonly behind: BehindResource | null;
  readonly isNew: boolean;
  readonly placedBy: PlacedBy | null;
  readonly role: LeadRole;
  readonly factor: number;
  readonly address: string | null;
  readonly offer: MemberOffer | null;
}

/** A leader that the CCM does not accept, and who follows it. */
export interface SegmentPartResource {
  readonly leader: string;
  readonly term: number;
  readonly members: readonly string[];
}

export interface SegmentResource {
  readonly name: string;
  readonly id: string;
  readonly createdAt: string;
  readonly channel: ControlChannel;
  /** What its leader may send by multicast; null: as much as its network carries. */
  readonly rate: RateLimit | null;
  /** What its leader may send to other segments, and what it may fetch from elsewhere, each; null: no limit. */
  readonly wanRate: RateLimit | null;
  /** Accepted now; null: nobody. */
  readonly leader: {
    readonly node: string;
    readonly term: number;
    readonly since: string | null;
    readonly address: string | null;
  } | null;
  /** Accepted last, perhaps still. */
  readonly lastLeader: { readonly node: string; readonly term: number } | null;
  readonly refused: readonly SegmentPartResource[];
  /** The last report that counted. */
  readonly report:
    | (LeaderFacts &
        Pick<SegmentReport, 'leader' | 'term' | 'triggers'> & {
          readonly at: string;
          /** Members that it named and that are no nodes of the segment. */
          readonly ignoredMembers: number;
        })
    | null;
  /** All nodes that belong to it. */
  readonly members: readonly SegmentMemberResource[];
  /** Rounds of reports that ended since the CCM started, the last ones, the newest first. */
  readonly rounds: readonly SegmentRoundResource[];
  /** What its leaders could not do since the CCM started, the last of it, the newest first. */
  readonly problems: readonly SegmentProblemResource[];
  /** What its leader last served to other segments and fetched from elsewhere; null: nothing since the CCM started. */
  readonly traffic: SegmentTrafficResource | null;
  /** Deliveries by multicast: those that run, then the last that ended since the CCM started, the newest first. */
  readonly sessions: readonly MulticastSessionResource[];
}

export interface SegmentTrafficResource extends WanTraffic {
  readonly leader: string;
  readonly at: string;
}

export interface MulticastSessionResource extends MulticastSession {
  readonly leader: string;
  readonly startedAt: string;
  /** Null: it runs. */
  readonly endedAt: string | null;
}

/** What a leader was told of a release by those behind it, when it waited no longer. */
export interface SegmentRoundResource {
  readonly at: string;
  readonly leader: string;
  readonly site: string;
  readonly release: Release;
  readonly phase: 'staged' | 'switched';
  readonly reported: number;
  /** Still at it. */
  readonly working: readonly string[];
  /** They answered no request. */
  readonly missing: readonly string[];
}

/** A leader could not give its members this assignment; they fetch it from the CCM. */
export interface SegmentProblemResource {
  readonly at: string;
  readonly leader: string;
  readonly site: string;
  readonly assignment: string;
  readonly error: WireError;
}
