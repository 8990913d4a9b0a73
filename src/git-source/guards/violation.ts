// Something about a wanted tree that keeps it from being published, in words for its author.

import type { ErrorCode } from '../../model/error-codes.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export interface Violation {
  readonly code: ErrorCode;
  /** As in the tree, unescaped; null when it concerns the tree as a whole. */
  readonly path: string | null;
  /** What is wrong and why that matters; a sentence without the path. */
  readonly text: string;
  /** What the author can do; a sentence. */
  readonly fix: string;
}

/** The first violations found; a tree can be wrong in millions of places. */
export const violationsMax = 1_000;

const refusalCodes: readonly ErrorCode[] = ['PATH_NOT_UTF8', 'PATH_FORBIDDEN', 'PUSH_REFUSED'];

/** What a GitSource throws about a tree it will not read, as a violation; undefined for every other error. */
export function violationOf(error: unknown): Violation | undefined {
  if (!(error instanceof TreecastError) || !refusalCodes.includes(error.code)) return undefined;
  return {
    code: error.code,
    path: null,
    text: error.message,
    fix: error.fix ?? 'Change the tree and commit again.',
  };
}
