// In which order an assignment's sources are tried (LEAD-58, LEAD-59): what this node holds for its members, or what the leader that it is behind
// sends to all and then what it gives to one, and last the CCM, however it is reached.

import type { HeldContent } from '../leader/held-content.ts';
import type { AssignmentMessage, ContentSource, SourcesOf } from './content-source.ts';
import { createHeldSource } from './held-source.ts';

export interface SourcesOptions {
  /** Null: this node leads nobody. */
  readonly held: (assignment: AssignmentMessage) => HeldContent | null;
  /** What the leader gives, the first to be tried first; none while this node is behind none. */
  readonly leader: () => readonly ContentSource[];
  readonly ccm: ContentSource;
}

export function createSourcesOf({ held, leader, ccm }: SourcesOptions): SourcesOf {
  return (assignment) => {
    const content = held(assignment);
    return content === null ? [...leader(), ccm] : [createHeldSource(content), ccm];
  };
}
