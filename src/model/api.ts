// The resources of the HTTP API under /api/v1, as JSON. Shared by the server (src/ccm/api), the client and the CLI.

import type { HookTiming } from './receipt.ts';
import type { Release } from './release.ts';
import type { LeadRole } from './segment.ts';
import type { BehindResource, NodeElectionResource } from './segment-resources.ts';
import type { Site, SitePolicy } from './site.ts';
import type { ObjectId } from './tree.ts';
import type { WireError } from './treecast-error.ts';

export type {
  BehindResource,
  NodeElectionResource,
  SegmentMemberResource,
  SegmentMemberState,
  SegmentPartResource,
  SegmentProblemResource,
  SegmentResource,
  SegmentRoundResource,
  SegmentTrafficResource,
} from './segment-resources.ts';
export type {
  TreeAssignmentResource,
  TreeLeaderResource,
  TreeResource,
  TreeTransferResource,
} from './tree-resource.ts';

export const roles = ['viewer', 'author', 'operator', 'admin'] as const;
/** viewer reads; author pushes to (and publishes) its sites; operator runs the fleet; admin also manages tokens and nodes. */
export type Role = (typeof roles)[number];

export interface TokenResource {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Sites an author may push to; null means all. */
  readonly sites: readonly string[] | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

/** The only answer that holds a token's text. */
export interface CreatedTokenResource extends TokenResource {
  readonly token: string;
}

/** Join tokens are for agents: one use, short life; the token text carries the CCM's agent URL and the CA's fingerprint. */
export interface JoinTokenResource {
  readonly token: string;
  readonly expiresAt: string;
}

/** Files of a node's live tree that somebody changed there. */
export interface DriftResource {
  readonly count: number;
  /** When the oldest of them was found. */
  readonly since: string;
  /** At most 100 of them. */
  readonly paths: readonly { readonly path: string; readonly problem: string; readonly since: string }[];
}

export interface SiteResource extends Site {
  readonly gitUrl: string;
  /** Nodes on which it has drifted; only where a single site is asked for. */
  readonly drift?: readonly (DriftResource & { readonly node: string })[];
  readonly live: SnapshotResource | null;
}

export type SiteInput = Pick<Site, 'name'> & {
  readonly repository?: string;
  readonly branch?: string;
  readonly group?: string;
  readonly policy?: Partial<SitePolicy>;
};

export interface GroupResource {
  readonly name: string;
  /** Explicit members by node name. */
  readonly nodes: readonly string[];
  /** Members by label: a node with all of these is a member; null when the group has no selector; {} selects every node. */
  readonly selector: Readonly<Record<string, string>> | null;
  /** Segments and nodes by name, whose leaders are handed assignments of its sites first; empty: as measured. */
  readonly order: readonly string[];
}

export type NodeSitePhase = 'empty' | 'stale' | 'receiving' | 'held' | 'staged' | 'live' | 'failed';

export interface NodeSiteState {
  readonly site: string;
  readonly phase: NodeSitePhase;
  readonly held: string | null;
  readonly stagedTree: ObjectId | null;
  readonly stagedRelease: Release | null;
  readonly liveTree: ObjectId | null;
  readonly liveRelease: Release | null;
  readonly liveSince: string | null;
  readonly backupTree: ObjectId | null;
  readonly error: WireError | null;
  /** Absent when the node found nothing changed in its live tree. */
  readonly drift?: DriftResource;
  /** When the node last came to the end of re-reading its live tree; only where a single node is asked for. */
  readonly scrubbedAt?: string;
  /** What plugins on the node did for its newest release; only where a single node is asked for. */
  readonly hooks?: readonly HookTiming[];
}

export interface NodeResource {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connected: boolean;
  /** The leader that it is connected through, and since when; null: it has a link of its own, or none. */
  readonly behind: BehindResource | null;
  readonly maintenance: boolean;
  readonly url: string | null;
  readonly agentVersion: string | null;
  readonly freeBytes: number | null;
  readonly joinedAt: string;
  readonly lastSeenAt: string | null;
  /** The newest that counts; its agent renews it well before it ends. */
  readonly certificate: { readonly serial: string; readonly expiresAt: string } | null;
  /** In no content group of the operator's, and of no site's either: it joined, and nobody gave it anything to do yet. */
  readonly isNew: boolean;
  /** Name of its segment; null: none yet. */
  readonly segment: string | null;
  readonly leadRole: LeadRole;
  readonly leadFactor: number;
  /** Null: it said nothing; only where a single node is asked for. */
  readonly election?: NodeElectionResource | null;
  readonly sites: readonly NodeSiteState[];
}

export const keyKinds = ['ca', 'release', 'content'] as const;

/** A key of the CCM; never the secret itself. */
export interface KeyResource {
  readonly kind: (typeof keyKinds)[number];
  /** CA: the certificate's fingerprint, as join tokens carry. Release: SHA-256 of the public key. Content: its name. */
  readonly id: string;
  /** Content keys. */
  readonly site: string | null;
  readonly state: 'current' | 'former' | 'compromised';
  readonly since: string;
  /** Of a CA's certificate. */
  readonly expiresAt: string | null;
  /** Nodes whose certificate is of this CA. */
  readonly nodes: number | null;
}

/** `ca` and `release` take `compromised`; `content` takes sites, a group, or neither for all sites. */
export type KeyRotation =
  | { readonly kind: 'ca' | 'release'; readonly compromised?: boolean }
  | { readonly kind: 'content'; readonly site?: string; readonly group?: string };

export const jobTypes = ['publish', 'synchronize', 'rollback'] as const;
export type JobType = (typeof jobTypes)[number];

export const jobPhases = [
  'queued',
  'deferred',
  'planning',
  'staging',
  'committing',
  'succeeded',
  'failed',
  'superseded',
  'aborted',
] as const;
/** `committing` starts when the decision is durable; from then on a job only goes forward, and `succeeded` may list stale nodes. */
export type JobPhase = (typeof jobPhases)[number];

export interface JobNode {
  readonly node: string;
  readonly state: 'left-out' | 'pending' | 'held' | 'staged' | 'live' | 'stale' | 'failed' | 'lost';
  readonly progress: number | null;
  readonly stagedAt: string | null;
  readonly liveAt: string | null;
  readonly error: WireError | null;
}

export interface JobResource {
  readonly id: string;
  readonly type: JobType;
  readonly site: string;
  readonly phase: JobPhase;
  readonly release: Release | null;
  readonly commit: ObjectId | null;
  readonly tree: ObjectId | null;
  /** Who or what asked: token name, `recovery`, `retry`. */
  readonly requestedBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly decidedAt: string | null;
  readonly endedAt: string | null;
  readonly attempts: number;
  readonly files: number | null;
  readonly assignmentBytes: number | null;
  readonly nodes: readonly JobNode[];
  readonly error: WireError | null;
}

/** What a waiting pusher or CLI is told while a job goes on; a line of `GET /jobs/:id/follow`. */
export type JobUpdate =
  | { readonly kind: 'line'; readonly text: string }
  /** The last one: the job ended, or waits for something that has no bound (deferred, held). */
  | { readonly kind: 'end'; readonly job: JobResource; readonly text: string };

export interface SnapshotResource {
  readonly id: number;
  readonly job: string;
  readonly release: Release;
  readonly commit: ObjectId | null;
  readonly baseTree: ObjectId;
  readonly tree: ObjectId;
  readonly at: string;
}

export interface SiteStatus {
  readonly site: string;
  readonly branch: string;
  readonly commit: ObjectId | null;
  readonly tree: ObjectId | null;
  readonly release: Release | null;
  readonly liveSince: string | null;
  readonly job: JobResource | null;
  /** The newest release that servers know and the CCM's database does not, because it is an older copy; `error` says what to do. */
  readonly lost?: {
    readonly node: string;
    readonly release: Release;
    readonly tree: ObjectId;
    readonly decidedAt: string;
    readonly error: WireError;
  };
  /** Calls of plugins on the CCM that failed and are tried again. */
  readonly owed?: number;
  readonly nodes: readonly (NodeSiteState & {
    readonly node: string;
    readonly connected: boolean;
    readonly maintenance: boolean;
    readonly url: string | null;
  })[];
}

export interface VerifyResult {
  readonly site: string;
  readonly commit: ObjectId | null;
  readonly tree: ObjectId | null;
  readonly nodes: readonly {
    readonly name: string;
    readonly tree: ObjectId | null;
    readonly ok: boolean;
    readonly drift: readonly { readonly path: string; readonly problem: string }[];
    readonly error: WireError | null;
  }[];
}

/** A row of the append-only event log; also what the live-events WebSocket sends. */
export interface EventResource {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly kind: string;
  readonly site: string | null;
  readonly job: string | null;
  readonly node: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface HealthResource {
  readonly status: 'ok';
  readonly version: string;
}

/** A plugin that runs on the CCM, and what it still owes. */
export interface PluginResource {
  /** The instance's name in the configuration. */
  readonly name: string;
  readonly plugin: string;
  readonly summary: string;
  readonly hooks: readonly string[];
  /** Null: all sites. */
  readonly sites: readonly string[] | null;
  /** Due, or failed and tried again. */
  readonly owed: number;
  /** Not due yet: second passes after a cache’s fetch bound. */
  readonly waiting: number;
  readonly failed: number;
  readonly oldestOwedAt: string | null;
  /** Of the task that was tried last and is still owed. */
  readonly error: WireError | null;
}

/** One call of a plugin's hook: owed until it succeeds, or until trying again cannot help. */
export interface PluginTaskResource {
  readonly id: number;
  readonly plugin: string;
  readonly hook: string;
  readonly site: string;
  readonly job: string | null;
  readonly pass: number;
  readonly state: 'owed' | 'done' | 'failed';
  readonly attempts: number;
  readonly notBefore: string;
  readonly error: WireError | null;
  readonly note: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

export const balanceActions = ['drain', 'restore', 'weigh'] as const;
export type BalanceAction = (typeof balanceActions)[number];

/** Whether a node should get traffic, and what the balancers say of it. */
export interface BalancedNodeResource {
  readonly node: string;
  readonly wanted: 'in' | 'out';
  readonly reason: string;
  /** By an operator's `balancer drain`. */
  readonly heldOut: boolean;
  readonly balancers: readonly {
    readonly plugin: string;
    readonly state: 'in' | 'draining' | 'out' | 'unknown';
    readonly sessions: number | null;
    readonly weight: number | null;
  }[];
}

export interface BalanceResource {
  readonly site: string;
  readonly nodes: readonly BalancedNodeResource[];
  /** What the balancers did not answer or do. */
  readonly errors: readonly WireError[];
}
