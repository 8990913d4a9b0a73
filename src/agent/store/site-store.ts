// One site on one node: stages, switches, rolls back and verifies, in O(change), durably (ARCHITECTURE §6, docs/spec/staging.md).
// The store knows the disk and nothing of networks. Calls for one site are serialised by the caller.

import type { AssignmentHeader } from '../../model/assignment.ts';
import type { HeldTree, SiteGrant, SiteHolding } from '../../model/messages.ts';
import type { ReceiptScope, SignedDecision } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';

export type DriftProblem = 'content' | 'mode' | 'missing' | 'extra' | 'type';

export interface Drift {
  readonly path: string;
  readonly problem: DriftProblem;
}

/** Proof of what is on disk; the session signs it into a receipt. */
export interface TreeProof {
  readonly tree: ObjectId | null;
  readonly scope: ReceiptScope;
  readonly release: Release | null;
}

export type DecisionOutcome =
  | { readonly outcome: 'switched'; readonly proof: TreeProof }
  /** Executed before; the proof is what is live now. */
  | { readonly outcome: 'repeated'; readonly proof: TreeProof }
  /** Below the last decision known here; ignored. */
  | { readonly outcome: 'outdated' }
  /** Neither staged nor kept here: remembered as the last decision, not executed; the node must be synchronized. */
  | { readonly outcome: 'stale' };

export type StageProgress = (done: { readonly commandsDone: number; readonly commands: number }) => void;

export interface SiteStore {
  readonly site: string;
  holding(): SiteHolding;
  live(): HeldTree | null;
  /** Receives a manifest (verified whole before anything else is accepted), checks space and base, opens the inbox for its blocks. */
  openInbox(manifest: Uint8Array): Promise<InboxEntry>;
  /**
   * Stages a complete assignment into `next`: catches up, journals, executes, syncs, recomputes the tree id.
   * Resolves when everything is durable. When the last known decision (not yet executed) is for this tree, the caller then decides again.
   * Throws BASE_MISMATCH, RELEASE_OUTDATED, SPACE_INSUFFICIENT, STAGE_FAILED, TREE_MISMATCH; live and backup are never touched.
   */
  stage(entry: InboxEntry, signal: AbortSignal, onProgress?: StageProgress): Promise<TreeProof>;
  /** Commit and rollback alike: executes a verified decision once (rules in docs/spec/staging.md). */
  decide(decision: SignedDecision): Promise<DecisionOutcome>;
  /** Undoes an undecided staging; true when there was one. */
  abort(release: Release): Promise<boolean>;
  /** Re-reads every byte of live and recomputes its tree id; at most 100 drifts are listed. */
  verify(signal?: AbortSignal): Promise<{ readonly proof: TreeProof; readonly drift: readonly Drift[] }>;
  /** Background work (catching up `next`, making missing trees) that may run until the next call; resolves when idle. */
  settle(): Promise<void>;
  updateGrant(grant: SiteGrant): void;
  /** The tree id and directory (absolute) that `live` names right now, in one readlink; null before the first switch. */
  resolveLive(): { readonly tree: ObjectId; readonly directory: string; readonly release: Release } | null;
  /** Git blob id of a path of a tree this node holds, for ETags; undefined when it is not a file there. */
  blobIdOf(tree: ObjectId, path: string): ObjectId | undefined;
  close(): Promise<void>;
}

export interface InboxEntry {
  readonly header: AssignmentHeader;
  /** Blocks still missing, as indexes into the data file: what to fetch (resumes after a crash). */
  missingBlocks(): readonly number[];
  /** Checks the block against the signed header, then writes it. Throws ASSIGNMENT_BLOCK_CORRUPT. */
  writeBlock(index: number, sealed: Uint8Array): Promise<void>;
  /** Throws away what was received. */
  discard(): Promise<void>;
}

export interface SiteStoreOptions {
  readonly root: string;
  readonly site: string;
  readonly grant: SiteGrant;
  /** Verifies an assignment's or a decision's Ed25519 signature over `bytes`. */
  readonly verifySignature: (bytes: Uint8Array, signature: Uint8Array) => boolean;
}
