// What is wrong with a source, by what a request to it ended with (TREE-46). Null: nothing yet, another try may do.

import type { SourceTrouble } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { RefusedBySource } from '../../net/fetch/range-request.ts';

/** Refusals that are no broken transport: the receiver's own, of what came. */
const corrupt: ReadonlySet<string> = new Set([
  'ASSIGNMENT_BLOCK_CORRUPT',
  'ASSIGNMENT_MALFORMED',
  'ASSIGNMENT_PROFILE_UNKNOWN',
  'ASSIGNMENT_SIGNATURE_INVALID',
  'ASSIGNMENT_TOO_LARGE',
]);

/** Of what a source said, or of a transport's failure. */
export function troubleOfAnswer(error: unknown): SourceTrouble | null {
  if (!(error instanceof RefusedBySource)) return null;
  return error.code === 'NOT_FOUND' ? 'lacks' : 'refused';
}

/** Of what the store said of what came; null: it is not the source's fault. */
export function troubleOfContent(error: unknown): SourceTrouble | null {
  return error instanceof TreecastError && corrupt.has(error.code) ? 'corrupt' : null;
}
