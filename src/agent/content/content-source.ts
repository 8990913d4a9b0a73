// Where an assignment's bytes can come from: the CCM, the segment's leader, what this node holds for others. Sources are tried in turn, each for what
// is still missing; whether a byte is right is for the store to say.

import type { AssignmentHeader } from '../../model/assignment.ts';
import type { AssignmentSource, CcmMessage } from '../../model/messages.ts';

export type AssignmentMessage = Extract<CcmMessage, { readonly type: 'assignment' }>;

/** One that is not inside its message. */
export interface FetchedAssignment extends AssignmentMessage {
  readonly source: Extract<AssignmentSource, { readonly kind: 'url' }>;
}

/** What it throws, but for what `onBlock` threw, is a `TreecastError`: a transport's, the source's refusal, or ABORTED. */
export interface ContentSource {
  /** For logs. */
  readonly name: 'held' | 'multicast' | 'leader' | 'ccm';
  manifest(assignment: FetchedAssignment, signal: AbortSignal): Promise<Uint8Array>;
  /** Hands over missing blocks (indexes ascending), in any order, one at a time, and waits for `onBlock`. What was handed over before it fails counts. */
  blocks(
    assignment: FetchedAssignment,
    header: AssignmentHeader,
    missing: readonly number[],
    onBlock: (index: number, block: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** At least one, the first to be tried first. */
export type SourcesOf = (assignment: FetchedAssignment) => readonly ContentSource[];
