// Messages between CCM and agent over the agent's WebSocket: JSON text, one object a frame, version in the hello.
// The edge parses them with schemas (src/net); inside they are trusted to have these shapes.

import type { LeaderAgentMessage, LeaderCcmMessage } from './leader-messages.ts';
import type { Receipt, SignedDecision, SignedReceipt } from './receipt.ts';
import type { Release } from './release.ts';
import type { SegmentAgentMessage, SegmentCcmMessage } from './segment-messages.ts';
import type { DriftPolicy, SitePolicy } from './site.ts';
import type { ObjectId } from './tree.ts';
import type { TreeAgentMessage, TreeCcmMessage } from './tree-messages.ts';
import type { WireError } from './treecast-error.ts';

/** Majors this build speaks; the CCM answers a hello with the highest common one or refuses with PROTOCOL_VERSION. */
export const protocolVersions = [1] as const;

/** What a node holds of one site. */
export interface HeldTree {
  readonly release: Release;
  readonly tree: ObjectId;
}

export interface SiteHolding {
  readonly site: string;
  readonly live: HeldTree | null;
  readonly backup: HeldTree | null;
  readonly staged: HeldTree | null;
  /** The newest decision this node was given, executed or not; signed, so that a restored CCM can be told. */
  readonly lastDecision: SignedDecision | null;
  /** Whether the last decision was executed here. */
  readonly executed: boolean;
}

export interface Hello {
  readonly type: 'hello';
  readonly protocols: readonly number[];
  readonly agentVersion: string;
  readonly node: string;
  readonly profiles: readonly string[];
  /** Origin of the built-in static server (no trailing slash), null when a real web server is used. */
  readonly url: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly freeBytes: number;
  readonly freeInodes: number;
  readonly sites: readonly SiteHolding[];
}

/** A path that is not as the live tree says, and what is wrong with it. */
export interface DriftedFile {
  readonly path: string;
  /** `owner` only of a site in whose grant the CCM named one. */
  readonly problem: 'content' | 'mode' | 'owner' | 'missing' | 'extra' | 'type';
}

/** In a hello's profiles: this agent re-reads its sites, and understands a grant with a policy of drift. */
export const driftProfile = 'drift-1';

/** In a hello's profiles: this agent understands a grant with an owner or group, and may then name drift of the kind `owner`. */
export const ownerProfile = 'owner-1';

export type AgentMessage =
  | Hello
  | SegmentAgentMessage
  | LeaderAgentMessage
  | TreeAgentMessage
  /** An assignment that was fetched is complete and verified in the inbox; one inside its message needs no such word. */
  | { readonly type: 'held'; readonly site: string; readonly assignment: string }
  /** At most 5 a second: bytes received and commands done so far. */
  | {
      readonly type: 'progress';
      readonly site: string;
      readonly assignment: string;
      readonly receivedBytes: number;
      readonly commandsDone: number;
    }
  | {
      readonly type: 'staged';
      readonly site: string;
      readonly assignment: string;
      readonly receipt: SignedReceipt;
    }
  | {
      readonly type: 'stageFailed';
      readonly site: string;
      readonly assignment: string;
      readonly release: Release;
      readonly error: WireError;
    }
  | { readonly type: 'switched'; readonly site: string; readonly receipt: SignedReceipt }
  /** A decision could not be executed here: the node needs synchronizing. `live` is what it serves meanwhile. */
  | {
      readonly type: 'stale';
      readonly site: string;
      readonly release: Release;
      readonly live: HeldTree | null;
      readonly error: WireError;
    }
  /** How a web server on this node maps the site's paths to URLs, as its plugin found it (src/plugins/urls). */
  | { readonly type: 'siteFacts'; readonly site: string; readonly urlMap: Readonly<Record<string, unknown>> }
  | { readonly type: 'undone'; readonly site: string; readonly release: Release }
  /** What re-reading found on this node, all of it, whenever it changed; `paths` names 100 at most of `count` (LINK-22). */
  | {
      readonly type: 'drift';
      readonly site: string;
      readonly paths: readonly (DriftedFile & { readonly since: number })[];
      readonly count: number;
      /** Right since the last such message. */
      readonly mended: readonly DriftedFile[];
      /** When a pass over the whole tree last came to its end. */
      readonly passedAt: number | null;
    }
  /** Asks for the contents of paths of the live tree, to put them right; answered by an assignment of type `restore` (LINK-23). */
  | {
      readonly type: 'mend';
      readonly site: string;
      readonly tree: ObjectId;
      readonly paths: readonly string[];
    }
  | {
      readonly type: 'verified';
      readonly request: string;
      readonly site: string;
      readonly receipt: SignedReceipt;
      /** Paths that are not as the live tree says, at most 100, with what is wrong. */
      readonly drift: readonly DriftedFile[];
      readonly error?: WireError;
    };

/** A site this agent serves, with the key that opens its assignments. */
export interface SiteGrant {
  readonly site: string;
  readonly contentKeys: readonly { readonly id: string; readonly key: string }[];
  readonly policy: Pick<SitePolicy, 'autonomous' | 'fileMode' | 'executableMode' | 'directoryMode'> & {
    /** Only for a node whose hello names the profile `drift-1`: it may then send `drift` and `mend` (LINK-22). */
    readonly drift?: DriftPolicy;
    /** Only for a node whose hello names the profile `owner-1`, and only where the site's policy has them. */
    readonly owner?: string;
    readonly group?: string;
  };
  /** The site's last decision, null before the first publish. */
  readonly lastDecision: SignedDecision | null;
}

/** Where an assignment is: inside the message (base64 of manifest and data), or behind ranges on the CCM. */
export type AssignmentSource =
  | { readonly kind: 'inline'; readonly manifest: string; readonly data: string }
  | {
      readonly kind: 'url';
      readonly manifestUrl: string;
      readonly dataUrl: string;
      readonly manifestBytes: number;
      readonly dataBytes: number;
      readonly ticket: string;
    };

export type CcmMessage =
  | {
      readonly type: 'welcome';
      readonly protocol: number;
      /** Milliseconds since 1970, the CCM's clock. */
      readonly ccmTime: number;
      /** Release-signing public keys (SPKI, PEM) that sign assignments and decisions. */
      readonly releaseKeys: readonly string[];
      readonly sites: readonly SiteGrant[];
    }
  | SegmentCcmMessage
  | LeaderCcmMessage
  | TreeCcmMessage
  | { readonly type: 'refused'; readonly error: WireError }
  /** A site was given to, changed for, or (with `removed`) taken from this node. */
  | { readonly type: 'grant'; readonly grant: SiteGrant }
  | { readonly type: 'removed'; readonly site: string }
  | {
      readonly type: 'assignment';
      readonly site: string;
      readonly id: string;
      readonly release: Release;
      readonly source: AssignmentSource;
    }
  | { readonly type: 'decision'; readonly decision: SignedDecision }
  /** Undo staging of an undecided release. */
  | { readonly type: 'abort'; readonly site: string; readonly release: Release }
  | { readonly type: 'verify'; readonly request: string; readonly site: string };

export type { Receipt };
