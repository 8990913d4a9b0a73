// What goes into an election and what comes out of it. The messages themselves are those of the control channel (src/model/segment.ts).

import type { ControlMessage } from '../../model/segment.ts';
import type { Effect } from '../machine.ts';
import type { Ballot } from './claim.ts';
import type { ElectionState } from './election-state.ts';
import type { Priority } from './priority.ts';
import type { Candidate } from './standing.ts';

export type ElectionInput =
  | { readonly input: 'message'; readonly from: string; readonly message: ControlMessage }
  /** The last ballot could not be made durable. */
  | { readonly input: 'persistFailed' }
  | { readonly input: 'candidate'; readonly candidate: Candidate }
  /** How many other nodes are known to be up. */
  | { readonly input: 'others'; readonly others: number }
  /** Whom the CCM accepts as this segment's leader; null: nobody, or it does not say. */
  | { readonly input: 'accepted'; readonly leader: string | null }
  /** The node's own interface. */
  | { readonly input: 'network'; readonly up: boolean }
  /** Another one is to lead. */
  | { readonly input: 'resign' }
  /** Nothing is said any more. */
  | { readonly input: 'stop' };

export type ElectionFact =
  /** Whom this node follows, or that it leads itself; null: nobody. Term and priority are those of the leader's claim. */
  | {
      readonly fact: 'leader';
      readonly leader: string | null;
      readonly term: number;
      readonly priority: number;
      readonly self: boolean;
    }
  /** So many claims were not answered, and nobody was heard. */
  | { readonly fact: 'deaf' }
  /** Others are heard, and they do not hear this node: its claims (null), or its requests to this leader. */
  | { readonly fact: 'unheard'; readonly leader: string | null };

export type ElectionEffect = Effect<ControlMessage, Ballot, ElectionFact>;

/** For people to look at. */
export interface ElectionStatus extends Priority {
  readonly state: ElectionState['name'];
  readonly term: number;
  readonly leader: string | null;
  /** How long ago an LA was heard, by a leader: sent; null: never. */
  readonly aliveAgoMs: number | null;
}
