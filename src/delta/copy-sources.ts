// Where the base tree already has a blob, so that a new path costs no bytes (R2.1: by blob id only, never by similarity).

import type { ObjectId, TreeChange } from '../model/tree.ts';

/**
 * Blob id → a path of the base tree that is a regular file with this content: of what the changes touch, so renames and copies of changed
 * files. A caller that knows unchanged files too (an index of the base tree) adds them; symlinks must not be in it.
 */
export function copySourcesOf(changes: readonly TreeChange[]): Map<ObjectId, string> {
  const sources = new Map<ObjectId, string>();
  for (const { path, before } of changes) {
    if (before !== undefined && isFileMode(before.mode) && !sources.has(before.id))
      sources.set(before.id, path);
  }
  return sources;
}

export function isFileMode(mode: string): mode is '100644' | '100755' {
  return mode === '100644' || mode === '100755';
}
