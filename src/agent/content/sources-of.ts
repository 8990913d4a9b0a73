// In which order an assignment's sources are tried (LEAD-58, LEAD-59): what this node holds for its members, or what the leader that it is behind
// sends to all and then what it gives to one, then what this node holds when it has become that one's successor, and last the CCM, however it is reached.

import type { HeldContent } from '../leader/held-content.ts';
import type { AssignmentMessage, ContentSource, SourcesOf } from './content-source.ts';
import { createHeldSource, createSuccessorSource } from './held-source.ts';

export interface SourcesOptions {
  /** Null: this node leads nobody. */
  readonly held: (assignment: AssignmentMessage) => HeldContent | null;
  /** What the leader gives, the first to be tried first; none while this node is behind none. */
  readonly leader: () => readonly ContentSource[];
  /** Of a node that was behind a leader: what it holds for its segment once it leads itself, for which it waits; null: it does not lead. */
  readonly heldAsLeader: (assignment: AssignmentMessage, signal: AbortSignal) => Promise<HeldContent | null>;
  readonly ccm: ContentSource;
}

export function createSourcesOf({ held, leader, heldAsLeader, ccm }: SourcesOptions): SourcesOf {
  return (assignment) => {
    const content = held(assignment);
    if (content !== null) return [createHeldSource(content), ccm];
    const followed = leader();
    return followed.length === 0 ? [ccm] : [...followed, createSuccessorSource(heldAsLeader), ccm];
  };
}
