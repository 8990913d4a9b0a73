// The one thing Treecast needs from a commit object: its tree.

import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';

export function commitTree(bytes: Buffer): ObjectId {
  const match = /^tree ([0-9a-f]{40}(?:[0-9a-f]{24})?)\n/.exec(bytes.toString('latin1', 0, 80));
  if (!match)
    throw new TreecastError('GIT_FAILED', 'A commit object is malformed.', { fix: 'Run git fsck.' });
  return match[1] as ObjectId;
}

export function refUnknown(ref: string): TreecastError {
  return new TreecastError('REF_UNKNOWN', `There is no commit ${ref.slice(0, 200)} in this repository.`, {
    fix: 'Push the commit first, or name a branch, tag or full commit id that is there.',
  });
}
