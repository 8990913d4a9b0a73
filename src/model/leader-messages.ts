// What CCM and an accepted group leader tell each other over the leader's link so that its members need none of their own, to agents whose
// hello names `leader-1` alone (LEAD-1 to LEAD-9). What a member says travels signed by it; what it is told is either signed by the CCM or harmless.

import type { AgentMessage, CcmMessage, Hello } from './messages.ts';
import type { MulticastSession } from './multicast-session.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Release } from './release.ts';
import type { WireError } from './treecast-error.ts';

/** In a hello's profiles: this agent can be behind its segment's leader, and can be that leader. */
export const leaderProfile = 'leader-1';

/** A node's word that others carry: one that the CCM can show to be the node's, said in this session, and not said before. */
export interface SignedFrame {
  readonly version: 1;
  /** Keeps it from being taken for anything else that the key signs. */
  readonly purpose: 'relayed';
  /** The leader's, 32 hex digits: no word of another session counts. */
  readonly session: string;
  readonly node: string;
  /** The first word of a connection is an {@link Opening}; each one has a higher number than all before, also those of the node's former lives. */
  readonly counter: number;
  /** JSON of an {@link Opening} or of an agent's message. */
  readonly text: string;
  /** Ed25519 by the node's key, over the canonical JSON of the rest, base64. */
  readonly signature: string;
}

/** What the CCM told a node over a link of its own, by 16 hex digits of each part's SHA-256: whether it has to be told again. */
export interface Told {
  readonly releaseKeys: string;
  /** Without the peers and their number. */
  readonly segment: string;
  readonly revocations: string;
  /** By site, without the last decision. */
  readonly sites: Readonly<Record<string, string>>;
}

/** How a node begins to be behind a leader. */
export interface Opening {
  readonly hello: Hello;
  readonly told: Told;
}

/** What a leader may carry to its members. Keys, policies, removals and revocations it may not: those need a link of the node's own. */
export type RelayedMessage = Extract<
  CcmMessage,
  { readonly type: 'assignment' | 'decision' | 'abort' | 'verify' }
>;

/** What a round of reports is about: a release, and what is to be done with it. */
export interface RoundSubject {
  readonly site: string;
  readonly release: Release;
  readonly phase: 'staged' | 'switched';
}

/** Each counts for what is served and for what is fetched by itself; sites that are not named have none of their own. */
export interface WanLimits {
  readonly segment: RateLimit | null;
  readonly sites: Readonly<Record<string, RateLimit>>;
}

/** What a leader served to nodes of other segments, and fetched from elsewhere, since it last said so or since it was told of limits. */
export interface WanTraffic {
  readonly servedBytes: number;
  readonly fetchedBytes: number;
  readonly tookMs: number;
  /** The segment's limit that holds; null: none. */
  readonly bytesPerSecondMax: number | null;
}

export type LeaderCcmMessage =
  /** The CCM accepts the node that it says this to as the leader of that segment, under a session that no other has; null: not any more. */
  | { readonly type: 'leaderSession'; readonly segment: string; readonly session: string | null }
  /** What it may send by multicast; sites that are not named have no limit of their own. After each session's begin, and whenever it changes. */
  | {
      readonly type: 'leaderLimits';
      readonly segment: RateLimit | null;
      readonly sites: Readonly<Record<string, RateLimit>>;
      /** To agents whose hello names `tree-1`: what it may send to nodes of other segments, and fetch from elsewhere (TREE-70). */
      readonly wan?: WanLimits;
    }
  /** For each of these members, in order with whatever else this link says. */
  | { readonly type: 'relay'; readonly nodes: readonly string[]; readonly message: RelayedMessage }
  /**
   * To a member's opening, or later: it is `behind` this leader; it is to `call`, which is to make a link of its own and to come back after it; or it is
   * `refused`, and stays on its own.
   */
  | {
      readonly type: 'relayAnswer';
      readonly node: string;
      readonly answer: 'behind' | 'call' | 'refused';
      readonly error: WireError | null;
    };

export type LeaderAgentMessage =
  /** The member's certificate (DER, base64) as it showed it to the leader, and its opening. */
  | { readonly type: 'relayOpen'; readonly certificate: string; readonly frame: SignedFrame }
  /** In the order in which each member said it. */
  | { readonly type: 'relayed'; readonly frames: readonly SignedFrame[] }
  /** `link`: its connection ended; `missing`: it answers no requests any more; `left`: it said goodbye. */
  | { readonly type: 'relayClosed'; readonly node: string; readonly because: 'link' | 'missing' | 'left' }
  /** The end of a round, once (RPT-8), after all that was reported in it. */
  | ({
      readonly type: 'roundReport';
      readonly reported: number;
      readonly working: readonly string[];
      readonly missing: readonly string[];
    } & RoundSubject)
  /** The segment cannot be given an assignment as it should, and what is done instead. */
  | {
      readonly type: 'leaderProblem';
      readonly site: string;
      readonly assignment: string;
      readonly error: WireError;
    }
  /** Its multicast sessions that run, and each once when it has ended. At most once a second, while any of it changes. */
  | { readonly type: 'leaderSessions'; readonly sessions: readonly MulticastSession[] }
  /** To a CCM that told it of `wan` limits; every ten seconds while there is traffic. */
  | ({ readonly type: 'leaderTraffic' } & WanTraffic);

const leaderTypes: ReadonlySet<string> = new Set<LeaderAgentMessage['type']>([
  'relayOpen',
  'relayed',
  'relayClosed',
  'roundReport',
  'leaderProblem',
  'leaderSessions',
  'leaderTraffic',
]);

export function isLeaderMessage(message: AgentMessage): message is LeaderAgentMessage {
  return leaderTypes.has(message.type);
}
