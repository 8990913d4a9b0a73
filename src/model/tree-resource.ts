// How an assignment went down the tree of group leaders, as the API shows it: who fed whom, when, how fast, and what became of it behind each leader.

import type { Release } from './release.ts';
import type { SourceTrouble, TransferFigures, TreePart, TreeState } from './tree-messages.ts';
import type { WireError } from './treecast-error.ts';

/** What a leader fetched from one source, as far as it has said. */
export interface TreeTransferResource extends TransferFigures {
  /** Null: too little to tell. */
  readonly bytesPerSecond: number | null;
}

export interface TreeLeaderResource {
  /** By name. */
  readonly segment: string;
  readonly node: string;
  readonly state: TreeState;
  /** The CCM accepts it, and has a connection with it. */
  readonly isHere: boolean;
  /** From whom it fetches, or did last; `node` null: the CCM. Empty: nobody was named yet. */
  readonly sources: readonly (TreePart & { readonly node: string | null })[];
  /** Who fetches from it, or did last. */
  readonly children: readonly string[];
  /** Others were told that it is no good source. */
  readonly avoided: SourceTrouble | null;
  readonly heldBlocks: number;
  readonly handedOutAt: string | null;
  readonly heldAt: string | null;
  readonly transfers: readonly TreeTransferResource[];
  /** With `failed`. */
  readonly error: WireError | null;
  /** Of its segment, with itself: who is to have this assignment through it, and how many of those have come how far. */
  readonly nodes: {
    readonly wanted: number;
    readonly held: number;
    readonly staged: number;
    readonly live: number;
    readonly failed: number;
  };
}

/** One assignment of a job; nodes with different trees before it, and parts of a large release, have their own. */
export interface TreeAssignmentResource {
  readonly assignment: string;
  readonly bytes: number;
  readonly blocks: number;
  readonly startedAt: string;
  /** Every leader that is there holds it since then. */
  readonly completedAt: string | null;
  /** In the order in which they are handed out. */
  readonly leaders: readonly TreeLeaderResource[];
}

/** Of a job whose assignments went, or go, by the tree since the CCM's start; those of the last jobs are kept. */
export interface TreeResource {
  readonly job: string;
  readonly site: string;
  readonly release: Release | null;
  /** Empty: everything was small enough for messages, or nobody leads, or it was forgotten. */
  readonly assignments: readonly TreeAssignmentResource[];
}
