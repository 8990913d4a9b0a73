// What CCM and group leaders tell each other so that an assignment goes down the tree: who fetches what from where, and whom to notify next
// (docs/spec/tree.md). To and from agents whose hello names `tree-1` alone. Every word names its CCM, since a leader may hear of several.

import type { WireError } from './treecast-error.ts';

/** In a hello's profiles: this agent, as a group leader, fetches by hand-outs and serves other leaders. */
export const treeProfile = 'tree-1';

/** 32 hex digits, made once with the CCM's database. */
export const ccmIdPattern = /^[0-9a-f]{32}$/;

/** The blocks of one part: runs of a fixed length by turns (TREE-20). `{part: 0, parts: 1}` is all of them. */
export interface TreePart {
  readonly part: number;
  readonly parts: 1 | 2;
}

/** Where a part is fetched from. `node` null: the CCM, at the address that the work names. */
export type TreeSource = TreePart &
  (
    | { readonly node: string; readonly address: string; readonly port: number }
    | { readonly node: null; readonly address: null; readonly port: null }
  );

/**
 * One leader's order to fetch an assignment from these sources; signed by the CCM with its release key, so that any leader may bring it. A higher number replaces
 * what a lower one said; the same or a lower one changes nothing.
 */
export interface HandOut {
  readonly version: 1;
  /** Keeps it from being taken for anything else that the key signs. */
  readonly purpose: 'hand-out';
  readonly ccm: string;
  /** For logs. */
  readonly job: string;
  readonly site: string;
  /** 64 hex digits. */
  readonly assignment: string;
  readonly manifestBytes: number;
  readonly dataBytes: number;
  /** Whom it is for, and the segment that this one leads. */
  readonly node: string;
  readonly segment: string;
  /** Grows by assignment and CCM, also over the CCM's restarts. */
  readonly number: number;
  /** Each part of the whole once. */
  readonly sources: readonly TreeSource[];
  /** A ticket of that node's for this assignment, good at each source. */
  readonly ticket: string;
  /** Milliseconds since 1970, the CCM's clock. */
  readonly expiresAt: number;
}

/** Ed25519 over the canonical JSON of the rest, base64. */
export type SignedHandOut = HandOut & { readonly signature: string };

/** Whom a leader is to notify: by `POST /hand-outs` at that segment port. */
export interface NextLeader {
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly handOut: SignedHandOut;
}

/** What a leader holds of an assignment. Only `held` makes it a holder (N19). */
export type TreeState = 'waiting' | 'fetching' | 'held' | 'failed';

/** How it went with one source, when a leader has done with it. */
export interface TransferFigures {
  /** Null: the CCM. */
  readonly node: string | null;
  readonly bytes: number;
  /** While it was fetched from; whole. */
  readonly ms: number;
  /** Time of a TCP handshake with it, milliseconds; null: not measured. */
  readonly delayMs: number | null;
}

export type SourceTrouble = 'unreachable' | 'lacks' | 'corrupt' | 'slow' | 'refused' | 'none';

export type TreeCcmMessage =
  /** The leader's segment needs this assignment, and it comes by a hand-out: before the work that needs it, in order with it. */
  | {
      readonly type: 'treeExpect';
      readonly ccm: string;
      readonly site: string;
      readonly assignment: string;
      readonly manifestBytes: number;
      readonly dataBytes: number;
    }
  /** Straight from the CCM: to the first leaders, to those whom no leader reaches, and for other sources. */
  | { readonly type: 'handOut'; readonly handOut: SignedHandOut }
  /** The answer to `treeNext`: whom to notify now, and whether asking again makes sense. */
  | {
      readonly type: 'treeNextAnswer';
      readonly ccm: string;
      readonly assignment: string;
      readonly next: readonly NextLeader[];
      /** `none`: there is nobody more, do not ask again. `later`: ask when those that fetch from here are done. */
      readonly more: 'later' | 'none';
    }
  /** Nobody needs it any more: a newer release, an abort. What is held may stay; fetching and notifying end. */
  | { readonly type: 'treeEnd'; readonly ccm: string; readonly assignment: string };

export type TreeAgentMessage =
  /** What it holds: with each new session of its link, when it has begun to fetch by the CCM's order (`fetching`), when it holds all, when it gives up. */
  | {
      readonly type: 'treeState';
      readonly ccm: string;
      readonly assignment: string;
      readonly state: TreeState;
      /** Of the hand-out that it follows; 0: none yet. */
      readonly number: number;
      readonly blocks: number;
      readonly heldBlocks: number;
      readonly figures: readonly TransferFigures[];
      /** With `failed`. */
      readonly error: WireError | null;
    }
  /** It holds the first verified blocks, or all of them, and its uplink can bear `room` (more) leaders: who is next? */
  | {
      readonly type: 'treeNext';
      readonly ccm: string;
      readonly assignment: string;
      readonly heldBlocks: number;
      readonly room: number;
      /** Of those it was to notify before, who could not be, with why; the CCM finds another way to them. */
      readonly unreached: readonly { readonly node: string; readonly trouble: 'unreachable' | 'refused' }[];
    }
  /** A source gives nothing (more), or not what it should; answered by a `handOut` with other sources. `none`: it expects one and has none. */
  | {
      readonly type: 'treeSourceLost';
      readonly ccm: string;
      readonly assignment: string;
      /** Of the hand-out that named it. */
      readonly number: number;
      readonly source: string | null;
      readonly trouble: SourceTrouble;
      readonly heldBlocks: number;
    };

const treeTypes: ReadonlySet<string> = new Set<TreeAgentMessage['type']>([
  'treeState',
  'treeNext',
  'treeSourceLost',
]);

export function isTreeMessage(message: { readonly type: string }): message is TreeAgentMessage {
  return treeTypes.has(message.type);
}
