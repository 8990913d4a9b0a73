// A segment: the nodes of one LAN that choose a leader among themselves. What they tell each other on the control channel, what its
// timing may be, and what a leader reports to the CCM. Rules: docs/spec/election.md and docs/spec/registration.md.

/** All in milliseconds. */
export interface SegmentTiming {
  /** A leader says that it is alive this often. */
  readonly aliveMs: number;
  /** A leader that was not heard for so long is lost. */
  readonly lostMs: number;
  /** No claim sooner than this after the last LA, whatever else happened. */
  readonly triggerMinMs: number;
  /** How long a node that has just started listens before it may claim. */
  readonly listenMs: number;
  /** The strongest candidate claims after the minimum, the weakest after the maximum. */
  readonly claimDelayMinMs: number;
  readonly claimDelayMaxMs: number;
  /** How long a claim waits for a better one. */
  readonly windowMs: number;
  /** How long a member that conceded waits for the winner's LA. */
  readonly concedeMs: number;
  /** The list goes out when no request came for so long, at the latest after the maximum. */
  readonly quietMs: number;
  readonly quietMaxMs: number;
  /** A member that does not find itself in the list registers again after the fixed and up to the random time. */
  readonly retryMs: number;
  readonly retryRandomMs: number;
  /** A registered member says that it is there this often. */
  readonly hereMs: number;
  /** A member that was not heard for so long is asked; when it does not answer, it is offline after the second time. */
  readonly silentMs: number;
  readonly offlineMs: number;
  /** A leader reports to the CCM at least this often. */
  readonly reportMs: number;
}

export const timingPresets = ['fast', 'classic'] as const;
export type TimingPreset = (typeof timingPresets)[number];

/** `votingOpen` and `conceding` last as long as an election does. */
export const electionStates = ['unknown', 'known', 'votingOpen', 'conceding', 'leading'] as const;
export type ElectionState = (typeof electionStates)[number];

/** 16 random bytes, hex. */
export const segmentIdPattern = /^[0-9a-f]{32}$/;
/** Nodes that have no segment yet are among themselves under this id. */
export const unassignedSegment = '0'.repeat(32);

/** May it lead: `never` (its own configuration, or the operator's exclusion), `allowed`, or `preassigned`: before all that are only allowed. */
export type LeadRole = 'never' | 'allowed' | 'preassigned';

/** What put a node into its segment. `heard`: its leader and it heard each other; `new`: it was the first there. */
export type PlacedBy = 'token' | 'heard' | 'new' | 'operator';

/** Its leader is among them. One report, or one word of the CCM's, holds them all; their frames are a quarter of what may be sent. */
export const segmentMembersMax = 1_024;

/** Where a segment's control messages go. */
export interface ControlChannel {
  readonly transport: 'multicast' | 'unicast';
  /** The multicast group, IPv4 or IPv6; null with unicast. */
  readonly group: string | null;
  readonly port: number;
}

/** Where a segment goes: under which id and on which channel. Leader and members go at one moment, so that nobody is missed in between. */
export interface SegmentMove {
  /** 16 bytes in hex; of a segment that only changes its channel, its own. */
  readonly segment: string;
  readonly channel: ControlChannel;
}

/** Where every node listens that was told nothing else. */
export const defaultControlChannel: ControlChannel = {
  transport: 'multicast',
  group: '239.255.84.67',
  port: 17_446,
};

/** Whether a member offers to take part, and what with. */
export interface MemberOffer {
  readonly maintenance: boolean;
  readonly freeBytes: number;
  /** Load of the last minute by processor, in hundredths. */
  readonly load: number;
}

/** What a node says of itself when it registers. */
export interface MemberDescription {
  /** Where it is reached on the segment. */
  readonly address: string;
  readonly port: number;
  readonly capabilities: readonly string[];
  readonly offer: MemberOffer;
}

/** A member as the leader's list names it. */
export interface ListedMember {
  readonly node: string;
  readonly address: string;
  readonly port: number;
  /** The random number of its last request, so that it knows that the leader has heard this one. */
  readonly nonce: number;
  readonly online: boolean;
}

/** Messages of the control channel. Sender and segment are the envelope's, which the driver has verified. */
export type ControlMessage =
  | {
      readonly type: 'leader-alive';
      readonly term: number;
      readonly priority: number;
      /** The CCM accepts its sender as the segment's leader. */
      readonly accepted: boolean;
      /** The newest list, 0: none yet. */
      readonly list: number;
      /** Number of the newest list of revoked certificates that the leader knows. */
      readonly revocations: number;
      /** Where the segment moves, and how long after this message; null: it stays. */
      readonly move: (SegmentMove & { readonly afterMs: number }) | null;
    }
  | {
      readonly type: 'leader-claim';
      readonly term: number;
      readonly priority: number;
      /** It leads, and the CCM accepts it. */
      readonly accepted: boolean;
    }
  /** To a claimant alone: the sender stands for its claim of this term. */
  | { readonly type: 'concede'; readonly term: number }
  /** To a claimant or leader of an older term alone: the sender knows of this one. */
  | { readonly type: 'newer-term'; readonly term: number }
  /** The sender stays, and leads no longer. */
  | { readonly type: 'resign'; readonly term: number }
  | ({
      readonly type: 'register';
      readonly term: number;
      readonly leader: string;
      readonly nonce: number;
    } & MemberDescription)
  | {
      readonly type: 'member-list';
      readonly term: number;
      readonly list: number;
      /** From 0. A machine says its list as one part; the driver splits it to the MTU, so a member takes each part for what it says. */
      readonly part: number;
      readonly parts: number;
      readonly members: readonly ListedMember[];
    }
  /** From a registered member to its leader alone: the newest list that it has whole, and what it offers now. */
  | {
      readonly type: 'here';
      readonly term: number;
      readonly list: number;
      readonly offer: MemberOffer;
    }
  /** The leader asks these members for a `here`, or a request if they are not registered; empty: all of them. The driver splits this too. */
  | { readonly type: 'solicit'; readonly term: number; readonly nodes: readonly string[] }
  /** The sender stops; a leader's members need not wait until it is lost. */
  | { readonly type: 'leave'; readonly term: number };

/** Why a leader reports (R5.4). */
export const reportTriggers = [
  'timer',
  'join',
  'leave',
  'leader',
  'availability',
  'operator',
  'ccm',
  'transfer',
] as const;
export type ReportTrigger = (typeof reportTriggers)[number];

/** `null`: a new leader has it from its predecessor's list, and it has not registered again yet. */
export interface ReportedMember {
  readonly node: string;
  readonly online: boolean;
  readonly address: string;
  readonly port: number;
  readonly capabilities: readonly string[] | null;
  readonly offer: MemberOffer | null;
}

/** One leader's word on its segment; the driver adds what the machine cannot know (location, time zone, connections). */
export interface SegmentReport {
  readonly term: number;
  readonly priority: number;
  readonly leader: string;
  readonly list: number;
  /** What it answers, at least one; several that came within one quiet delay are one report. */
  readonly triggers: readonly ReportTrigger[];
  /** The leader is among them. */
  readonly members: readonly ReportedMember[];
}
