// How much of what is live a change deletes, for the mass-delete guard (N4). Counts paths: a moved file's old address is gone too.

import type { SitePolicy } from '../model/site.ts';
import type { TreeChange } from '../model/tree.ts';

export interface DeletionShare {
  readonly deleted: number;
  /** Of the live files, 0 to 1; 0 when nothing is live. */
  readonly share: number;
}

/** `changes` from the live tree to the wanted one; `liveFiles` counts the leaves of the live tree. */
export function deletionShare(changes: readonly TreeChange[], liveFiles: number): DeletionShare {
  const deleted = changes.reduce((count, { after }) => (after === undefined ? count + 1 : count), 0);
  return { deleted, share: liveFiles === 0 ? 0 : deleted / liveFiles };
}

/** Whether the policy refuses it: more than the share, and at least so many files. */
export function isMassDelete(
  { deleted, share }: DeletionShare,
  policy: Pick<SitePolicy, 'deleteShareMax' | 'deleteFilesMin'>,
): boolean {
  return share > policy.deleteShareMax && deleted >= policy.deleteFilesMin;
}
