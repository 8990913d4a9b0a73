// The tree id of `next` after a release, in O(change): every changed directory is read again from disk and compared entry by entry
// with what its old object and the commands say. Decides what is drift; hashing of file contents happened while they were written.

import type fs from 'node:fs';
import { encodeTree, type ObjectIdLength, treeIdOfBytes } from '../../assignment/object-id.ts';
import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import type { Steps } from '../../slices/slices.ts';
import type { DirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { Drift } from './site-store.ts';
import type { StagedTwins } from './staged-twins.ts';
import { isTouchedDirectory, type TouchedDirectory } from './touched-paths.ts';
import { directoryMode, type IndexDirectory, IndexGap, type TreeIndex } from './tree-index.ts';

export interface ChangedTree {
  readonly tree: ObjectId;
  /** New directory objects, for the index. */
  readonly objects: ReadonlyMap<ObjectId, Uint8Array>;
  /** Where the disk differs from what it should be; at most {@link driftMax} are listed. */
  readonly drift: readonly Drift[];
}

const driftMax = 100;
const noEntries: IndexDirectory = new Map();

export function* readChangedTree(
  tools: {
    readonly disk: Disk;
    readonly next: DirectoryHandles;
    readonly index: TreeIndex;
    /** Undefined in a site without twins. */
    readonly twins: Pick<StagedTwins, 'settle'> | undefined;
  },
  baseTree: ObjectId,
  touched: TouchedDirectory,
): Steps<ChangedTree> {
  const { disk, next, index, twins } = tools;
  const hexLength = baseTree.length as ObjectIdLength;
  const objects = new Map<ObjectId, Uint8Array>();
  const drift: Drift[] = [];

  function report(path: string, problem: Drift['problem']): void {
    if (drift.length < driftMax) drift.push({ path, problem });
  }

  function* read(
    path: string,
    { entries: changes }: TouchedDirectory,
    baseId: ObjectId | undefined,
  ): Steps<ObjectId | undefined> {
    const base = baseId === undefined ? noEntries : index.directory(baseId);
    if (!base) throw new IndexGap(baseId);
    yield;
    const found: { name: string; mode: string; id: ObjectId }[] = [];
    let unchanged = 0;
    const seen = new Set<string>();
    for (const dirent of disk.readdir(next.directoryPath(path))) {
      const { name } = dirent;
      const childPath = path === '' ? name : `${path}/${name}`;
      const change = changes.get(name);
      const before = base.get(name);
      if (twins && change === undefined && before === undefined) {
        if (twins.settle({ directory: path, dirent, base, changes })) continue;
      }
      seen.add(name);
      if (isTouchedDirectory(change)) {
        if (!dirent.isDirectory()) report(childPath, 'type');
        else {
          const id = yield* read(childPath, change, before?.mode === directoryMode ? before.id : undefined);
          if (id !== undefined) found.push({ name, mode: directoryMode, id });
          else report(childPath, 'extra');
        }
        continue;
      }
      if (change === undefined) unchanged++;
      const entry = change === undefined ? before : change;
      if (!entry) report(childPath, 'extra');
      else if (!hasType(dirent, entry.mode)) report(childPath, 'type');
      else found.push({ name, mode: entry.mode, id: entry.id });
    }
    if (seen.size < changes.size + base.size) reportMissing(path, changes, base, seen);
    if (found.length === 0 && path !== '') return undefined;
    if (found.length === 0) return emptyTreeId(baseTree);
    // Untouched throughout: the object is the old one.
    if (changes.size === 0 && unchanged === found.length && baseId !== undefined) return baseId;
    const body = encodeTree(found);
    const id = treeIdOfBytes(body, hexLength);
    objects.set(id, body);
    return id;
  }

  function reportMissing(
    path: string,
    changes: TouchedDirectory['entries'],
    base: IndexDirectory,
    seen: ReadonlySet<string>,
  ): void {
    const prefix = path === '' ? '' : `${path}/`;
    for (const [name, change] of changes) {
      // A directory may have come and gone again; whatever should be in it is missed by the tree id.
      if (change !== null && !isTouchedDirectory(change) && !seen.has(name)) report(prefix + name, 'missing');
    }
    for (const name of base.keys()) {
      if (!changes.has(name) && !seen.has(name)) report(prefix + name, 'missing');
    }
  }

  const tree = yield* read('', touched, baseTree);
  return { tree: tree ?? emptyTreeId(baseTree), objects, drift };
}

function hasType(dirent: fs.Dirent, mode: string): boolean {
  if (mode === directoryMode) return dirent.isDirectory();
  return mode === '120000' ? dirent.isSymbolicLink() : dirent.isFile();
}
