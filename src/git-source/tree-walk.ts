// Walks tree objects: what differs between two trees (reading only subtrees that differ), and all leaves of one.
// Where the objects come from is the reader's business; both backends share this walk.

import { emptyTreeIds, type ObjectId, type TreeChange, type TreeEntry } from '../model/tree.ts';
import { nextTurn } from '../slices/slices.ts';
import { sliceItems, sortInSlices } from './sort-in-slices.ts';
import { checkPathLength, treeEntriesMax, treeTooLarge } from './tree-limits.ts';
import { directoryMode, orderKey, type TreeObjectEntry } from './tree-object.ts';
import { decodePath, emptyDirectory } from './tree-path.ts';

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
/** Fewer pairs of trees in one level are never counted ahead. */
const suspiciousPairs = 512;
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
    if (pairs.length > suspiciousPairs) await refuseBomb(load, pairs, changes.length);
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

interface CountedPair extends Omit<Pair, 'prefix'> {
  /** Paths at which this pair of trees meets. */
  times: number;
}

/**
 * A few trees that contain each other many times name more files than anybody has; the same ids at most paths of a level give them away.
 * They are counted ahead, by ids instead of by paths, which takes as long as there are different trees. Throws PUSH_REFUSED.
 */
async function refuseBomb(
  load: (id: ObjectId | undefined) => Promise<readonly TreeObjectEntry[]>,
  pairs: readonly Pair[],
  changes: number,
): Promise<void> {
  let level = new Map<string, CountedPair>();
  for (const { base, target } of pairs) countPair(level, { base, target }, 1);
  if (pairs.length < 2 * level.size) return;
  let total = changes;
  while (level.size > 0) {
    const next = new Map<string, CountedPair>();
    let below = 0;
    for (const { base, target, times } of level.values()) {
      const found: { changes: RawChange[]; pairs: Pair[] } = { changes: [], pairs: [] };
      comparePair('', await load(base), await load(target), found.changes, found.pairs);
      total += times * found.changes.length;
      below += times * found.pairs.length;
      if (total + below > treeEntriesMax) throw treeTooLarge();
      for (const pair of found.pairs) countPair(next, pair, times);
    }
    level = next;
  }
}

function countPair(
  level: Map<string, CountedPair>,
  { base, target }: Omit<Pair, 'prefix'>,
  times: number,
): void {
  const key = `${base}..${target}`;
  const counted = level.get(key);
  if (counted) counted.times += times;
  else level.set(key, { base, target, times });
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
    if (now !== undefined && emptyTreeIds.includes(now.id)) throw emptyDirectory(path);
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
