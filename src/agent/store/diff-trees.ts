// What differs between two trees, by their directory objects alone: equal subtrees are skipped, so the cost is that of the change.
// Pure but for reading the index; says nothing of what is on disk.

import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import type { PathChange } from '../../plugins/api/hooks.ts';
import {
  directoryMode,
  type IndexDirectory,
  type IndexEntry,
  IndexGap,
  type TreeIndex,
} from './tree-index.ts';

/** With more changes than these the answer is "not known": whoever asks then treats everything as changed. */
export const changesMax = 200_000;

const nothing: IndexDirectory = new Map();

/** STG-24. Sorted by path; null when an object is missing, or there are more than {@link changesMax} changes. */
export function diffTrees(
  index: Pick<TreeIndex, 'directory'>,
  from: ObjectId | null,
  to: ObjectId,
  most = changesMax,
): readonly PathChange[] | null {
  const changes: PathChange[] = [];

  function entriesOf(id: ObjectId | undefined): IndexDirectory {
    const entries = id === undefined ? nothing : index.directory(id);
    if (!entries) throw new IndexGap(id);
    return entries;
  }

  /** Ids of two directories at one path; undefined where there is none. False when there are too many changes. */
  function compare(path: string, before: ObjectId | undefined, after: ObjectId | undefined): boolean {
    if (before === after) return true;
    const old = entriesOf(before);
    const now = entriesOf(after);
    for (const [name, entry] of now) if (!compareEntry(path + name, old.get(name), entry)) return false;
    for (const [name, entry] of old) {
      if (!now.has(name) && !compareEntry(path + name, entry, undefined)) return false;
    }
    return true;
  }

  function compareEntry(path: string, old: IndexEntry | undefined, now: IndexEntry | undefined): boolean {
    if (old?.id === now?.id && old?.mode === now?.mode) return true;
    const before = leafOf(old);
    const after = leafOf(now);
    if (before !== null || after !== null) {
      if (changes.length >= most) return false;
      const kind = before === null ? 'added' : after === null ? 'deleted' : 'changed';
      changes.push({ path, kind, before, after });
    }
    return compare(`${path}/`, directoryOf(old), directoryOf(now));
  }

  try {
    if (!compare('', from ?? emptyTreeId(to), to)) return null;
  } catch (error) {
    if (error instanceof IndexGap) return null;
    throw error;
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function leafOf(entry: IndexEntry | undefined): ObjectId | null {
  return entry && entry.mode !== directoryMode ? entry.id : null;
}

function directoryOf(entry: IndexEntry | undefined): ObjectId | undefined {
  return entry?.mode === directoryMode ? entry.id : undefined;
}
