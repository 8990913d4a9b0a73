// What CCM and agent tell each other about segments over the agent's link, to agents whose hello names `segment-1` alone (LINK-42).

import type {
  ControlChannel,
  ElectionState,
  LeadRole,
  SegmentReport,
  SegmentTiming,
  TimingPreset,
} from './segment.ts';

/** In a hello's profiles: this agent finds its segment's leader, and leads when it is elected. */
export const segmentProfile = 'segment-1';

/** Another node of the segment, where it last said that it is reached. */
export interface SegmentPeer {
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

export type SegmentCcmMessage =
  /** After each welcome, and whenever any of it changed: all of it each time. */
  | {
      readonly type: 'segment';
      /** `unassignedSegment`: none yet. */
      readonly id: string;
      readonly name: string | null;
      readonly role: LeadRole;
      /** The operator's, 1 where nothing was set; from 0 to 100. */
      readonly factor: number;
      /** By the operator, at the CCM: it is in the offer with which the node registers. */
      readonly maintenance: boolean;
      readonly channel: ControlChannel;
      readonly preset: TimingPreset;
      /** What the CCM's configuration sets other than the preset. */
      readonly timers: Partial<SegmentTiming>;
      /** All others whose place is known, connected or not. */
      readonly peers: readonly SegmentPeer[];
      /** How many other nodes of this segment the CCM is connected with now; 0 for a node without a segment. */
      readonly others: number;
    }
  /** What the CCM thinks of the report that it names by segment and term. */
  | {
      readonly type: 'segmentVerdict';
      readonly segment: string;
      readonly term: number;
      /** Whom the CCM accepts there, which may be this very node, and since which term of it; null: nobody. */
      readonly accepted: { readonly leader: string; readonly term: number } | null;
      /** For a leader without a segment: the id that it and its members have from now on. */
      readonly assigned: string | null;
    }
  /** A leader is to report now. */
  | { readonly type: 'segmentAsked'; readonly trigger: 'operator' | 'ccm' }
  /** A leader is to make way: an operator wants another one. It stays a member. */
  | { readonly type: 'segmentResign' }
  /** Certificates that this CCM signed and that count no more although they have not expired; all of them each time. */
  | {
      readonly type: 'revocations';
      /** Higher for a newer list. */
      readonly number: number;
      /** SHA-256 of the certificate, 64 hex digits. */
      readonly fingerprints: readonly string[];
    };

/** What the machine cannot know of its node. */
export interface LeaderFacts {
  /** As configured; null: not said. */
  readonly location: string | null;
  /** Such as Europe/Berlin. */
  readonly timeZone: string;
  readonly freeBytes: number;
  readonly cpus: number;
  /** Open connections of the node. */
  readonly connections: number;
}

export type SegmentAgentMessage =
  /** From whoever leads, about its own segment. */
  | ({ readonly type: 'segmentReport'; readonly segment: string } & LeaderFacts & SegmentReport)
  /** From every node, when any of it but `aliveAgoMs` changed, at most twice a second, and at least each minute. */
  | {
      readonly type: 'segmentState';
      readonly segment: string;
      readonly state: ElectionState;
      readonly term: number;
      /** Whom it follows. */
      readonly leader: string | null;
      readonly priority: number;
      /** What the priority is made of, by name. */
      readonly priorityTerms: Readonly<Record<string, number>>;
      /** How long ago an LA was heard; null: never. A leader's own count. */
      readonly aliveAgoMs: number | null;
      /** Where it is reached on its control channel; null while it has no interface. */
      readonly address: string | null;
      readonly port: number;
      readonly transport: ControlChannel['transport'];
      /** Why this one, as the self-test found it. */
      readonly reason: string;
      /** Other segments of this CCM, by id, whose LA it hears. */
      readonly heard: readonly string[];
      /** What was dropped since the start, by reason. */
      readonly dropped: Readonly<Record<string, number>>;
    };
