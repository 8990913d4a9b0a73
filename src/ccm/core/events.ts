// What can happen to the core. Everything that enters it is one of these, with the time it was taken up.

import type { HeldTree, SiteHolding } from '../../model/messages.ts';
import type { SignedReceipt } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { SitePolicy } from '../../model/site.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { Lineage } from './state.ts';

export interface SiteConfiguration {
  readonly name: string;
  /** For a site the core does not know yet. */
  readonly epoch: number;
  /** The last epoch of a removed site of the same name; 0 when there was none. */
  readonly formerEpoch: number;
  readonly repository: string;
  readonly branch: string;
  readonly policy: SitePolicy;
  readonly members: readonly string[];
}

export interface BuiltCohort {
  readonly base: ObjectId;
  readonly assignments: readonly string[];
  readonly bytes: number;
}

export interface BalancerAnswer {
  readonly node: string;
  readonly error: WireError | null;
}

export type CoreEvent =
  | {
      readonly type: 'publishRequested';
      readonly job: string;
      readonly site: string;
      readonly commit: ObjectId;
      readonly tree: ObjectId;
      readonly requestedBy: string;
      readonly branchHead: ObjectId | null;
      readonly allowDelete: boolean;
    }
  | {
      readonly type: 'rollbackRequested';
      readonly job: string;
      readonly site: string;
      readonly requestedBy: string;
    }
  | { readonly type: 'abortRequested'; readonly job: string; readonly requestedBy: string }
  /** The whole configuration, at start and after every change. Nodes that are not named are forgotten. */
  | {
      readonly type: 'configured';
      readonly sites: readonly SiteConfiguration[];
      readonly nodes: readonly { readonly name: string; readonly maintenance: boolean }[];
      /** Sites that an operator removed; nodes that were away then still hold them. */
      readonly removedSites: readonly { readonly name: string; readonly epoch: number }[];
    }
  | {
      readonly type: 'nodeConnected';
      readonly node: string;
      readonly connection: string;
      readonly sites: readonly SiteHolding[];
      /** The leader that speaks for it; for the log alone. */
      readonly behind?: string;
    }
  | { readonly type: 'nodeDisconnected'; readonly node: string; readonly connection: string }
  | { readonly type: 'nodeHeld'; readonly node: string; readonly site: string; readonly assignment: string }
  | {
      readonly type: 'nodeProgress';
      readonly node: string;
      readonly site: string;
      readonly assignment: string;
      readonly share: number;
      readonly commandsDone: number;
    }
  /** The receipt's signature was verified by the driver. */
  | {
      readonly type: 'nodeStaged';
      readonly node: string;
      readonly site: string;
      readonly assignment: string;
      readonly receipt: SignedReceipt;
    }
  | {
      readonly type: 'nodeStageFailed';
      readonly node: string;
      readonly site: string;
      readonly release: Release;
      readonly error: WireError;
    }
  | {
      readonly type: 'nodeSwitched';
      readonly node: string;
      readonly site: string;
      readonly receipt: SignedReceipt;
    }
  | {
      readonly type: 'nodeStale';
      readonly node: string;
      readonly site: string;
      readonly release: Release;
      readonly live: HeldTree | null;
      readonly error: WireError;
    }
  | { readonly type: 'nodeUndone'; readonly node: string; readonly site: string; readonly release: Release }
  /** Answers a `build` effect; `job` is null when it was for synchronizing. */
  | {
      readonly type: 'built';
      readonly job: string | null;
      readonly site: string;
      readonly release: Release;
      readonly cohorts: readonly BuiltCohort[];
      readonly files: number;
      /** Of the target tree; null when it was for synchronizing. */
      readonly lineage: Lineage | null;
    }
  | {
      readonly type: 'buildFailed';
      readonly job: string | null;
      readonly site: string;
      readonly release: Release;
      readonly bases: readonly ObjectId[];
      readonly error: WireError;
    }
  /** The files of these assignments are gone; whoever was to get them is given new ones. */
  | {
      readonly type: 'assignmentsMissing';
      readonly site: string;
      readonly nodes: readonly string[];
      readonly assignments: readonly string[];
    }
  /** Answers a `drain` effect, for all of its nodes or some: who is out of its balancers, or why not. */
  | {
      readonly type: 'drained';
      readonly job: string;
      readonly site: string;
      readonly nodes: readonly BalancerAnswer[];
    }
  /** Answers a `restore` effect. */
  | {
      readonly type: 'restored';
      readonly job: string;
      readonly site: string;
      readonly nodes: readonly BalancerAnswer[];
    }
  /** Once, after the first `configured`: jobs from before this start get their timers. */
  | { readonly type: 'started' }
  | { readonly type: 'timer'; readonly timer: CoreTimer };

/** One kind of event. */
export type EventOf<T extends CoreEvent['type']> = Extract<CoreEvent, { type: T }>;

/** A timer's name; setting one that is set moves it. */
export type CoreTimer =
  /** Try to start what is queued. */
  | { readonly kind: 'start'; readonly site: string }
  /** A participant has been away too long. */
  | { readonly kind: 'lost'; readonly job: string; readonly node: string }
  /** A node has been away for longer than the time to return. */
  | { readonly kind: 'away'; readonly node: string }
  /** A job made no progress. */
  | { readonly kind: 'stalled'; readonly job: string }
  /** Try again to synchronize. */
  | { readonly kind: 'synchronize'; readonly site: string; readonly node: string };

export function timerKey(timer: CoreTimer): string {
  return JSON.stringify(timer, Object.keys(timer).sort());
}
