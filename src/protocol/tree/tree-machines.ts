// What goes into the two machines of the tree and what comes out: the CCM's distribution of one assignment, and one leader's part in it
// (docs/spec/tree.md). Signing, tickets, sockets, disks and measuring are their drivers'.

import type { SourceTrouble, TransferFigures, TreePart, TreeState } from '../../model/tree-messages.ts';
import type { LogLine, Machine } from '../machine.ts';

/** Milliseconds in a space in which distances are delays (TREE-12); `height` is a node's own access link. */
export interface Coordinates {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** What the CCM knows of a segment's leader when it hands out. */
export interface TreeLeader {
  readonly segment: string;
  readonly node: string;
  /** Where others fetch from it; null: nobody reaches it from outside, it is a leaf and notified over its own link. */
  readonly place: { readonly address: string; readonly port: number } | null;
  /** Measured or configured, bytes a second; null: not known. */
  readonly upBytesPerSecond: number | null;
  readonly downBytesPerSecond: number | null;
  /** Between it and the CCM. */
  readonly delayMs: number | null;
  readonly coordinates: Coordinates | null;
}

/** A source as the machines name it; null: the CCM. */
export type SourceChoice = TreePart & { readonly node: string | null };

/** A hand-out before its driver writes places, ticket and signature. */
export interface PlannedHandOut {
  readonly node: string;
  readonly segment: string;
  readonly number: number;
  readonly sources: readonly SourceChoice[];
}

export interface DistributionOptions {
  readonly assignment: string;
  /** Manifest and data. */
  readonly bytes: number;
  readonly blocks: number;
  /** In the order in which they are handed out (TREE-10). */
  readonly leaders: readonly TreeLeader[];
  /** What the CCM may send; null: not limited, not known. */
  readonly ccmBytesPerSecond: number | null;
  /** Above every number that an earlier run of the CCM may have given for it. */
  readonly firstNumber: number;
}

export type DistributionInput =
  /** A segment takes part, or has another leader, or its leader is known better. One that was away is back. */
  | { readonly input: 'leader'; readonly leader: TreeLeader }
  /** Its link is lost, or it is accepted no more; what it fetches and serves may go on. */
  | { readonly input: 'leaderGone'; readonly segment: string; readonly node: string }
  /** The segment needs it no more. */
  | { readonly input: 'segmentLeft'; readonly segment: string }
  | {
      readonly input: 'state';
      readonly node: string;
      readonly state: TreeState;
      readonly number: number;
      readonly heldBlocks: number;
      readonly figures: readonly TransferFigures[];
    }
  | {
      readonly input: 'next';
      readonly node: string;
      readonly heldBlocks: number;
      readonly room: number;
      readonly unreached: readonly { readonly node: string; readonly trouble: 'unreachable' | 'refused' }[];
    }
  | {
      readonly input: 'sourceLost';
      readonly node: string;
      readonly number: number;
      readonly source: string | null;
      readonly trouble: SourceTrouble;
      readonly heldBlocks: number;
    };

/** For `tree show` and the event log. */
export interface LeaderInTree {
  readonly segment: string;
  readonly node: string;
  readonly state: TreeState;
  /** It is connected and accepted. */
  readonly isHere: boolean;
  /** Of its newest hand-out. */
  readonly sources: readonly SourceChoice[];
  readonly heldBlocks: number;
  /** Machine time; null: not yet. */
  readonly handedOutAt: number | null;
  readonly heldAt: number | null;
}

export type DistributionFact =
  | { readonly fact: 'state'; readonly leader: LeaderInTree }
  /** Two fetchers at least found it corrupt, or lacking what it said: no source any more. */
  | { readonly fact: 'avoided'; readonly node: string; readonly trouble: SourceTrouble }
  /** A leader said what it has no right to say: of a job that it has no part in, of hand-outs that it never had. */
  | { readonly fact: 'refused'; readonly node: string; readonly why: string }
  /** Every segment that is here holds it. */
  | { readonly fact: 'complete' };

export type DistributionEffect =
  /** Over the leader's own link. */
  | { readonly effect: 'handOut'; readonly handOut: PlannedHandOut }
  /** The answer to this leader's `next`. */
  | {
      readonly effect: 'answer';
      readonly node: string;
      readonly next: readonly PlannedHandOut[];
      readonly more: 'later' | 'none';
    }
  | { readonly effect: 'deliver'; readonly fact: DistributionFact }
  | ({ readonly effect: 'log' } & LogLine);

export interface Distribution extends Machine<DistributionInput, DistributionEffect> {
  leaders(): readonly LeaderInTree[];
  readonly isComplete: boolean;
}

export type RelayInput =
  /** Its CCM said that this comes by a hand-out. */
  | { readonly input: 'expected' }
  /** Verified by the driver: signed, for this node, not expired. From its link or from another leader. */
  | { readonly input: 'handOut'; readonly number: number; readonly sources: readonly SourceChoice[] }
  /** Verified blocks are here: how many of all. Told often, at least with the first and the last. */
  | { readonly input: 'progress'; readonly heldBlocks: number; readonly blocks: number }
  /** A source gives nothing any more, after the driver's own tries (TREE-40). */
  | { readonly input: 'sourceFailed'; readonly source: string | null; readonly trouble: SourceTrouble }
  /** The disk, or what else is its own fault; nothing of it can be held. */
  | { readonly input: 'failed' }
  | { readonly input: 'answer'; readonly next: readonly string[]; readonly more: 'later' | 'none' }
  | {
      readonly input: 'notified';
      readonly node: string;
      readonly outcome: 'accepted' | 'unreachable' | 'refused';
    }
  /** One that fetches from here began; is done, gone, or silent. */
  | { readonly input: 'serving'; readonly node: string; readonly isServed: boolean }
  /** Its link to the CCM; what was said before may be lost. */
  | { readonly input: 'link'; readonly isUp: boolean }
  /** By policy: others first, or the own segment first (TREE-24). */
  | { readonly input: 'mayForward'; readonly may: boolean }
  /** What was held is gone from the disk. */
  | { readonly input: 'vanished' }
  | { readonly input: 'ended' };

export type RelayEffect =
  /**
   * From these sources, what is missing of their parts; what runs from others ends. Empty: nothing is fetched. A source may have nothing yet, or not know of
   * the assignment yet: it is starving, no trouble (TREE-4).
   */
  | { readonly effect: 'fetch'; readonly sources: readonly SourceChoice[] }
  | { readonly effect: 'notify'; readonly node: string }
  | {
      readonly effect: 'sayState';
      readonly state: TreeState;
      readonly number: number;
      readonly heldBlocks: number;
    }
  | {
      readonly effect: 'askNext';
      readonly heldBlocks: number;
      readonly room: number;
      readonly unreached: readonly { readonly node: string; readonly trouble: 'unreachable' | 'refused' }[];
    }
  | {
      readonly effect: 'sayLost';
      readonly number: number;
      readonly source: string | null;
      readonly trouble: SourceTrouble;
      readonly heldBlocks: number;
    }
  | ({ readonly effect: 'log' } & LogLine);

export interface RelayMachine extends Machine<RelayInput, RelayEffect> {
  readonly state: TreeState;
}
