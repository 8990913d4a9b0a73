// One site on one node: stages, switches, rolls back and verifies, in O(change), durably (ARCHITECTURE §6, docs/spec/staging.md).
// The store knows the disk and nothing of networks. Calls for one site are serialised by the caller.

import type { AssignmentHeader } from '../../model/assignment.ts';
import type { HeldTree, SiteGrant, SiteHolding } from '../../model/messages.ts';
import type { ReceiptScope, SignedDecision } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { PathChange, TwinSuffix } from '../../plugins/api/hooks.ts';
import type { PluginCommand } from './plugin-commands.ts';
import type { SpaceLedger } from './space-ledger.ts';
import type { Visit, WalkOptions } from './walk-live.ts';

export type DriftProblem = 'content' | 'mode' | 'owner' | 'missing' | 'extra' | 'type';

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

/** A whole tree held here, with its absolute directory. */
export interface ResolvedTree extends HeldTree {
  readonly directory: string;
}

export type StageProgress = (done: { readonly commandsDone: number; readonly commands: number }) => void;

export interface SiteStore {
  readonly site: string;
  holding(): SiteHolding;
  live(): HeldTree | null;
  /** Receives a manifest (verified whole before anything else is accepted), checks space and base, opens the inbox for its blocks. */
  openInbox(manifest: Uint8Array): Promise<InboxEntry>;
  /** Of an assignment that is being received, or is received and not staged yet; null for any other. */
  received(assignment: string): ReceivedBlocks | null;
  /** Nobody goes on with this reception for now: what arrived stays, its claim on space goes. */
  pause(entry: InboxEntry): void;
  /**
   * Stages a complete assignment into `next`: catches up, journals, executes, syncs, recomputes the tree id.
   * Resolves when everything is durable. When the last known decision (not yet executed) is for this tree, the caller then decides again.
   * Throws BASE_MISMATCH, RELEASE_OUTDATED, SPACE_INSUFFICIENT, STAGE_FAILED, TREE_MISMATCH; live and backup are never touched.
   */
  stage(entry: InboxEntry, signal: AbortSignal, onProgress?: StageProgress): Promise<TreeProof>;
  /**
   * Takes a precompressed twin of a file of the release that is staged, to lie beside it with its mode and time (STG-20). Throws
   * STAGE_FAILED when the release is not staged, `path` is no file of its tree, or the tree has the twin's name itself; SPACE_INSUFFICIENT.
   */
  writeTwin(release: Release, path: string, suffix: TwinSuffix, bytes: Uint8Array): Promise<void>;
  /** Puts the twins written since into the staged tree, durably; call it before `staged` is reported. When it throws, the release is not staged any more. */
  sealTwins(release: Release): Promise<void>;
  /** Commit and rollback alike: executes a verified decision once (rules in docs/spec/staging.md). */
  decide(decision: SignedDecision): Promise<DecisionOutcome>;
  /**
   * After this decision, the last one, was executed and its tree failed its health check: makes the backup live again on this node
   * alone (STG-25). The failed tree becomes the backup and the decision counts as not executed: `decide` executes it again.
   * `switched` proves what is live now; `repeated` when that had happened before; `stale` when there is no backup to go back to.
   */
  switchBack(decision: SignedDecision): Promise<DecisionOutcome>;
  /** Undoes an undecided staging; true when there was one. */
  abort(release: Release): Promise<boolean>;
  /** Re-reads every byte of live and recomputes its tree id; at most 100 drifts are listed. */
  verify(signal?: AbortSignal): Promise<{ readonly proof: TreeProof; readonly drift: readonly Drift[] }>;
  /** Paths of live that carrying out an assignment reads or replaces. */
  basePathsOf(entry: InboxEntry): Iterable<string>;
  /** Goes over the live tree while anything else may go on; what it suspects has to be asked of {@link check} (STG-38). */
  walk(options: Omit<WalkOptions, 'isIgnored'>): AsyncIterable<Visit>;
  /** Reads these paths of live anew, those above them too; what the policy ignores is not told. */
  check(paths: Iterable<string>, signal: AbortSignal): Promise<readonly Drift[]>;
  /** Puts right what the policy lets it and what it finds the bytes for on this node; what is left (STG-34 to STG-36). */
  mend(drift: readonly Drift[], signal: AbortSignal): Promise<readonly Drift[]>;
  /** As {@link mend}, with contents that an assignment brought: one of type `restore` over the tree that is live (STG-37). */
  restore(entry: InboxEntry, drift: readonly Drift[], signal: AbortSignal): Promise<readonly Drift[]>;
  /** Background work (catching up `next`, making missing trees) that may run until the next call; resolves when idle. */
  settle(): Promise<void>;
  updateGrant(grant: SiteGrant): void;
  /** The tree id and directory (absolute) that `live` names right now, in one readlink; null before the first switch. */
  resolveLive(): ResolvedTree | null;
  /** The tree that is staged completely and not switched to. */
  resolveStaged(): ResolvedTree | null;
  resolveBackup(): ResolvedTree | null;
  /** The plugin commands of a release held here (staged, live or backup), in order; none for others. Throws STATE_CORRUPT. */
  commandsOf(release: Release): readonly PluginCommand[];
  /**
   * The files and symlinks that differ between two trees held here, sorted by path (STG-24); from null everything is added.
   * Null when that is not known, or too much.
   */
  diffTrees(from: ObjectId | null, to: ObjectId): readonly PathChange[] | null;
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

/** What has arrived of an assignment that is being received, for other nodes. */
export interface ReceivedBlocks {
  readonly header: AssignmentHeader;
  readonly manifest: Uint8Array;
  /** Block `index` is here, checked against the manifest. */
  has(index: number): boolean;
  /** Null when it is not here, or not any more. */
  read(index: number): Buffer | null;
}

export interface SiteStoreOptions {
  readonly root: string;
  readonly site: string;
  readonly grant: SiteGrant;
  /** Verifies an assignment's or a decision's Ed25519 signature over `bytes`. */
  readonly verifySignature: (bytes: Uint8Array, signature: Uint8Array) => boolean;
  /** One for all stores of an agent. */
  readonly space?: SpaceLedger;
}
