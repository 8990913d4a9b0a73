// The error for bytes that are not a well-formed assignment. Which rule they break is said in the message.

import { TreecastError } from '../model/treecast-error.ts';

export function malformed(
  what: string,
  options: { readonly cause?: unknown; readonly data?: Readonly<Record<string, unknown>> } = {},
): TreecastError {
  return new TreecastError('ASSIGNMENT_MALFORMED', `the assignment is malformed: ${what}`, {
    ...options,
    fix: 'It is refused whole and fetched again; if that repeats, CCM and agent may be of different versions.',
  });
}
