// What the core knows: sites, nodes and open jobs, in memory; every row of it is also in the database.
// Only `apply` changes it. Times are milliseconds since 1970 unless a name says otherwise.

import type { JobNode, JobPhase, JobType, NodeSitePhase } from '../../model/api.ts';
import type { HeldTree, SiteHolding } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { SitePolicy } from '../../model/site.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';

/** Which path times are this tree's: those written from `baseSequence` to `contentSequence`, and `baseMtime` (seconds) for every other path. */
export interface Lineage {
  /** The sequence of the publish that made the tree; a rollback keeps its target's. */
  readonly contentSequence: number;
  readonly baseSequence: number;
  readonly baseMtime: number;
}

export interface Snapshot {
  readonly id: number;
  readonly site: string;
  readonly job: string;
  readonly release: Release;
  readonly commit: ObjectId | null;
  readonly baseTree: ObjectId;
  readonly tree: ObjectId;
  readonly at: number;
  /** The snapshot a rollback from this one returns to. */
  readonly previous: number | null;
  readonly lineage: Lineage;
}

/** A decision that this CCM signed and its database does not know, and the node that handed it in (JOB-25). */
export interface LostDecision {
  readonly decision: SignedDecision;
  readonly node: string;
}

/**
 * As `headHandled`: the database was copied back while the branch could not be read. What it holds is published by nobody until the next push
 * (JOB-29).
 */
export const headUnknown: ObjectId = '0'.repeat(40);

export interface SiteState {
  readonly name: string;
  repository: string;
  branch: string;
  policy: SitePolicy;
  members: ReadonlySet<string>;
  epoch: number;
  sequence: number;
  /** The branch head that a job was made of; null: none yet. */
  headHandled: ObjectId | null;
  live: Snapshot | null;
  lastDecision: SignedDecision | null;
  /** The newest lost one; until the next decision nothing is published, synchronized or rolled back by itself. */
  lost: LostDecision | null;
  /** Releases up to this epoch are those of a removed site of the same name. */
  readonly formerEpoch: number;
  readonly snapshots: Map<number, Snapshot>;
  running: string | null;
  /** Job ids in the order they will run; a rollback goes ahead, and holds at most one publish. */
  queued: string[];
  /** Assignments that bring a base tree to the last decision's tree; cleared by every decision. */
  readonly synchronizing: Map<ObjectId, readonly string[] | 'building'>;
}

/** A site that was never published. */
export function newSiteState(
  facts: Pick<SiteState, 'name' | 'repository' | 'branch' | 'policy' | 'epoch' | 'formerEpoch'>,
): SiteState {
  const { name, repository, branch, policy, epoch, formerEpoch } = facts;
  return {
    name,
    repository,
    branch,
    policy,
    epoch,
    members: new Set(),
    sequence: 0,
    headHandled: null,
    live: null,
    lastDecision: null,
    lost: null,
    formerEpoch,
    snapshots: new Map(),
    running: null,
    queued: [],
    synchronizing: new Map(),
  };
}

/** Why a node does not serve the last decision as it should, although there is nothing to send to it (JOB-20 to JOB-22). */
export interface Setback {
  /** Of the decision. */
  readonly release: Release;
  readonly error: WireError;
}

export interface NodeSite {
  readonly site: string;
  phase: NodeSitePhase;
  held: string | null;
  staged: HeldTree | null;
  live: HeldTree | null;
  liveSince: number | null;
  backup: HeldTree | null;
  /** The newest decision the node said it knows. */
  lastDecision: SignedDecision | null;
  error: WireError | null;
  setback: Setback | null;
  /** Whether it was told the last decision on this connection, and answered that it holds no such tree. */
  told: 'no' | 'yes' | 'stale';
  /** The base tree it is being synchronized from, so that it is told once; null when it is not. */
  synchronizingFrom: ObjectId | null;
  synchronizeAttempts: number;
}

export interface NodeState {
  readonly name: string;
  connection: string | null;
  /** Not connected for longer than the time to return. */
  isAway: boolean;
  maintenance: boolean;
  readonly sites: Map<string, NodeSite>;
  /** What it holds of sites that are not known here, by its last hello: they may be made anew (JOB-28). */
  readonly unknownSites: Map<string, SiteHolding>;
}

export interface JobNodeState {
  state: JobNode['state'];
  /** Share of the assignment done, 0–1. */
  progress: number | null;
  stagedAt: number | null;
  liveAt: number | null;
  error: WireError | null;
  /** Base trees tried, so that a moved base is followed a bounded number of times. */
  basesTried: number;
  /** The most that it said of each assignment, and when it last said more (JOB-30). In memory only. */
  proven?: {
    at: number;
    readonly byAssignment: Map<string, { readonly share: number; readonly commandsDone: number }>;
  };
}

/** Nodes that are taken out of their balancers, switched and put back together. */
export interface Batch {
  phase: 'draining' | 'switching' | 'restoring';
  readonly nodes: ReadonlySet<string>;
  /** Whose answer from the balancers is waited for. */
  readonly open: Set<string>;
  /** When the phase began. */
  since: number;
}

/** A publish on its way round the balancers (JOB-19). Only in memory: after a start it begins again with whoever is not live. */
export interface Rollout {
  /** Participants at its begin. */
  readonly total: number;
  /** Participants that have not had their turn; they must not hear of the decision. */
  readonly waiting: Set<string>;
  batch: Batch | null;
  /** Taken out and not put back yet; `stuck` when no balancer took it back. */
  readonly out: Map<string, 'out' | 'stuck'>;
  /** Switched while they served, because they could not be spared. */
  readonly undrained: Set<string>;
  /** A rollback was ordered: nobody gets a turn any more. */
  isCut: boolean;
}

export interface Job {
  readonly id: string;
  readonly type: JobType;
  readonly site: string;
  phase: JobPhase;
  release: Release | null;
  /** A rollback's are known when it starts. */
  commit: ObjectId | null;
  tree: ObjectId | null;
  baseTree: ObjectId | null;
  readonly requestedBy: string;
  readonly branchHead: ObjectId | null;
  readonly allowDelete: boolean;
  readonly createdAt: number;
  startedAt: number | null;
  decidedAt: number | null;
  endedAt: number | null;
  attempts: number;
  notBefore: number | null;
  files: number | null;
  assignmentBytes: number | null;
  error: WireError | null;
  /** Known when its build is done. */
  lineage: Lineage | null;
  readonly nodes: Map<string, JobNodeState>;
  /** Assignments by base tree; `building` until they are there. */
  readonly assignments: Map<ObjectId, readonly string[] | 'building'>;
  lastProgressAt: number;
  /** From the decision on, when the site's policy drains. */
  rollout: Rollout | null;
}

export interface CoreState {
  readonly startedAt: number;
  nextSnapshotId: number;
  readonly sites: Map<string, SiteState>;
  /** Removed by an operator, with their last epoch: a node that still holds one is told to let go. */
  removedSites: ReadonlyMap<string, number>;
  readonly nodes: Map<string, NodeState>;
  readonly jobs: Map<string, Job>;
}

export const undecidedPhases: readonly JobPhase[] = ['queued', 'deferred', 'planning', 'staging'];
/** Participants that have neither switched nor fallen out. */
export const openNodeStates: readonly (JobNodeState['state'] | undefined)[] = ['pending', 'held', 'staged'];
export const endedPhases: readonly JobPhase[] = ['succeeded', 'failed', 'superseded', 'aborted'];
