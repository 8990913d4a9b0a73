// What the core wants done. The runner makes every `save…`/`insert…`/`log` of a batch durable in one transaction
// (synchronous=FULL when one says so) before it carries out any other effect of that batch.

import type { AssignmentType } from '../../model/assignment.ts';
import type { CcmMessage } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { CoreTimer } from './events.ts';
import type { Snapshot } from './state.ts';

export type PersistEffect =
  | { readonly do: 'saveSite'; readonly site: string }
  | { readonly do: 'saveJob'; readonly job: string }
  | { readonly do: 'saveJobNode'; readonly job: string; readonly node: string }
  | { readonly do: 'saveNodeSite'; readonly node: string; readonly site: string }
  | { readonly do: 'insertSnapshot'; readonly snapshot: Snapshot }
  /** Durable: synchronous=FULL. */
  | { readonly do: 'insertDecision'; readonly decision: SignedDecision; readonly job: string }
  | {
      readonly do: 'log';
      readonly actor: string;
      readonly kind: string;
      readonly site?: string;
      readonly job?: string;
      readonly node?: string;
      readonly data?: Readonly<Record<string, unknown>>;
    };

export type ActEffect =
  /** Diff, guard (for a job) and build one assignment (or several parts) a base; answered by `built` or `buildFailed`. */
  | {
      readonly do: 'build';
      readonly job: string | null;
      readonly site: string;
      readonly bases: readonly ObjectId[];
      readonly target: ObjectId;
      readonly release: Release;
      readonly type: AssignmentType;
    }
  | {
      readonly do: 'deliver';
      readonly site: string;
      readonly nodes: readonly string[];
      readonly release: Release;
      readonly assignments: readonly string[];
    }
  | { readonly do: 'send'; readonly nodes: readonly string[]; readonly message: CcmMessage }
  | { readonly do: 'welcome'; readonly node: string }
  /** The live tree is to be decided again, above what a node knows (JOB-26); answered by `publishRequested`. */
  | { readonly do: 'republish'; readonly site: string }
  /** To be told in the CCM's log; a branch that holds the very tree of the lost decision is published (JOB-27). */
  | { readonly do: 'historyLost'; readonly site: string; readonly error: WireError }
  /** A site's grant for a node is new or changed. */
  | { readonly do: 'grant'; readonly node: string; readonly site: string }
  /** Takes nodes out of their balancers; answered by `drained`. Doing it again changes nothing. */
  | {
      readonly do: 'drain';
      readonly site: string;
      readonly job: string;
      readonly nodes: readonly string[];
      /** In words for people. */
      readonly reason: string;
    }
  /** Puts them back; answered by `restored`. */
  | {
      readonly do: 'restore';
      readonly site: string;
      readonly job: string;
      readonly nodes: readonly string[];
      readonly reason: string;
    }
  /** What `servingOf` says of the site may be another than before; the last effect of a turn, once a site. */
  | { readonly do: 'servingChanged'; readonly site: string }
  | { readonly do: 'setTimer'; readonly timer: CoreTimer; readonly at: number }
  | { readonly do: 'clearTimer'; readonly timer: CoreTimer }
  /** A line for whoever follows the job; `end` when it ended or has no bounded wait. */
  | { readonly do: 'tell'; readonly job: string; readonly text: string; readonly end: boolean }
  /** Something a progress display shows has changed. */
  | { readonly do: 'progressed'; readonly job: string };

export type Effect = PersistEffect | ActEffect;

const persistKinds: readonly Effect['do'][] = [
  'saveSite',
  'saveJob',
  'saveJobNode',
  'saveNodeSite',
  'insertSnapshot',
  'insertDecision',
  'log',
];

export function isPersist(effect: Effect): effect is PersistEffect {
  return persistKinds.includes(effect.do);
}
