// What is signed and kept as proof: the CCM's decisions, and the nodes' receipts of what they hold and serve.
// Signatures are Ed25519 over the canonical JSON of the object without its `signature`, base64.

import type { Release } from './release.ts';
import type { ObjectId } from './tree.ts';

/** A decision is executed once, and only when its release is above the node's last executed decision. */
export interface Decision {
  readonly version: 1;
  readonly site: string;
  readonly release: Release;
  readonly kind: 'commit' | 'rollback';
  /** Information only; null when nothing was live. */
  readonly fromTree: ObjectId | null;
  readonly toTree: ObjectId;
  /** Milliseconds since 1970, the CCM's clock. */
  readonly decidedAt: number;
}

export interface SignedDecision extends Decision {
  readonly signature: string;
}

/** `changed`: changed directories were re-read; `full`: every byte of the tree was re-read, never from a cache. */
export type ReceiptScope = 'changed' | 'full';

export interface Receipt {
  readonly version: 1;
  readonly node: string;
  readonly site: string;
  readonly phase: 'staged' | 'switched' | 'verified';
  readonly scope: ReceiptScope;
  /** The release of the assignment (staged) or of the decision (switched, verified); null when verified before any decision. */
  readonly release: Release | null;
  /** The Git tree id recomputed from disk; null when `verified` and nothing is live. */
  readonly tree: ObjectId | null;
  /** Milliseconds since 1970, the node's clock. */
  readonly at: number;
  /** What plugins did for it here, in order; absent when there are none. */
  readonly hooks?: readonly HookTiming[];
}

/** One call of one hook of one plugin. */
export interface HookTiming {
  readonly plugin: string;
  readonly hook: string;
  /** Whole milliseconds. */
  readonly ms: number;
  readonly ok: boolean;
  /** The plugin's own line about it. */
  readonly note?: string;
}

export interface SignedReceipt extends Receipt {
  readonly signature: string;
}
