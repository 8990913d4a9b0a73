// Walks tree objects: what differs between two trees (reading only subtrees that differ), and all leaves of one.
// Where the objects come from is the reader's business; both backends share this walk.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { emptyTreeIds, type ObjectId, type TreeChange, type TreeEntry } from '../model/tree.ts';
import { sliceItems, sortInSlices } from './sort-in-slices.ts';
import { checkPathLength, treeEntriesMax, treeTooLarge } from './tree-limits.ts';
import { directoryMode, type TreeObjectEntry } from './tree-object.ts';
import { decodePath } from './tree-path.ts';

/** Reads one tree object. The empty tree is never asked for. */
export type TreeReader = (id: ObjectId) => Promise<TreeObjectEntry[]>;

interface RawChange {
  path: string;
  before?: { mode: string; id: ObjectId };
  after?: { mode: string; id: ObjectId };
}

interface Pair {
  readonly prefix: string;
  readonly base: ObjectId | undefined;
  readonly target: ObjectId | undefined;
}

const concurrentReads = 64;
const noEntries: TreeObjectEntry[] = [];

/**
 * Changes in bytewise order of paths. (`git diff-tree` is two to four times quicker when thousands of directories differ, and slower when few do;
 * but it collects everything before it prints, so a few nested trees that name billions of files would exhaust the machine.)
 */
export async function walkTreeDiff(
  read: TreeReader,
  base: ObjectId,
  target: ObjectId,
): Promise<TreeChange[]> {
  const changes: RawChange[] = [];
  let pairs: Pair[] = base === target ? [] : [{ prefix: '', base, target }];
  const load = async (id: ObjectId | undefined) =>
    id === undefined || emptyTreeIds.includes(id) ? noEntries : read(id);
  while (pairs.length > 0) {
    const next: Pair[] = [];
    for (let at = 0; at < pairs.length; at += concurrentReads) {
      const batch = pairs.slice(at, at + concurrentReads);
      const loaded = await Promise.all(
        batch.map((pair) => Promise.all([load(pair.base), load(pair.target)])),
      );
      loaded.forEach(([before, after], index) => {
        comparePair((batch[index] as Pair).prefix, before, after, changes, next);
      });
      if (changes.length + next.length > treeEntriesMax) throw treeTooLarge();
    }
    pairs = next;
  }
  const sorted = await sortInSlices(changes, (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  for (const [index, change] of sorted.entries()) {
    change.path = decodePath(change.path);
    if (index % sliceItems === sliceItems - 1) await nextTurn();
  }
  return sorted;
}

/** Git's order in trees: a directory's name counts as ending in a slash. */
function orderKey(entry: TreeObjectEntry): string {
  return entry.mode === directoryMode ? `${entry.name}/` : entry.name;
}

function comparePair(
  prefix: string,
  before: readonly TreeObjectEntry[],
  after: readonly TreeObjectEntry[],
  changes: RawChange[],
  pairs: Pair[],
): void {
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const old = before[i];
    const now = after[j];
    const oldKey = old && orderKey(old);
    const nowKey = now && orderKey(now);
    const onlyOld = nowKey === undefined || (oldKey !== undefined && oldKey < nowKey);
    const onlyNow = !onlyOld && (oldKey === undefined || nowKey < oldKey);
    if (!onlyNow) i += 1;
    if (!onlyOld) j += 1;
    compareEntry(prefix, onlyNow ? undefined : old, onlyOld ? undefined : now, changes, pairs);
  }
}

function compareEntry(
  prefix: string,
  old: TreeObjectEntry | undefined,
  now: TreeObjectEntry | undefined,
  changes: RawChange[],
  pairs: Pair[],
): void {
  if (old?.id === now?.id && old?.mode === now?.mode) return;
  const entry = (old ?? now) as TreeObjectEntry;
  const path = prefix + entry.name;
  if (entry.mode === directoryMode) {
    checkPathLength(path);
    pairs.push({ prefix: `${path}/`, base: old?.id, target: now?.id });
  } else {
    changes.push({
      path,
      ...(old && { before: { mode: old.mode, id: old.id } }),
      ...(now && { after: { mode: now.mode, id: now.id } }),
    });
  }
}

/** Every leaf, in bytewise order of paths. */
export async function* walkTree(read: TreeReader, tree: ObjectId): AsyncGenerator<TreeEntry> {
  const levels = [{ prefix: '', entries: emptyTreeIds.includes(tree) ? noEntries : await read(tree), at: 0 }];
  for (let seen = 0; levels.length > 0; seen += 1) {
    if (seen > 2 * treeEntriesMax) throw treeTooLarge();
    const level = levels.at(-1) as (typeof levels)[number];
    const entry = level.entries[level.at];
    level.at += 1;
    if (entry === undefined) {
      levels.pop();
      continue;
    }
    const path = level.prefix + entry.name;
    if (entry.mode === directoryMode) {
      checkPathLength(path);
      levels.push({ prefix: `${path}/`, entries: await read(entry.id), at: 0 });
    } else yield { path: decodePath(path), mode: entry.mode, id: entry.id };
  }
}
