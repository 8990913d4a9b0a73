// Full verification: re-reads every byte of live and says where it differs from the recorded directory objects and twins.
// The tree id comes from the disk alone; the objects only tell where a difference lies.

import type { ObjectIdLength } from '../../assignment/object-id.ts';
import type { ObjectId } from '../../model/tree.ts';
import { rootName } from './check-paths.ts';
import type { Disk } from './disk.ts';
import { permissionsOf } from './inspect-entry.ts';
import type { Modes } from './interpreter.ts';
import { whereTooLong } from './long-path.ts';
import type { Drift, DriftProblem } from './site-store.ts';
import { directoryMode, type IndexDirectory, IndexGap, type TreeIndex } from './tree-index.ts';
import { type DirectoryReading, type ReadEntry, readTree } from './tree-reader.ts';
import { fileOfTwin } from './twin-names.ts';
import type { TwinRecord } from './twin-records.ts';

const driftMax = 100;
const noTwins: ReadonlyMap<string, TwinRecord> = new Map();

export interface VerifyOptions {
  readonly disk: Disk;
  readonly index: TreeIndex;
  /** Absolute directory of the tree. */
  readonly root: string;
  /** What it should be. */
  readonly tree: ObjectId;
  /** What is recorded of twins in a directory; undefined in a site without twins. */
  readonly twinsIn?: ((directory: string) => ReadonlyMap<string, TwinRecord>) | undefined;
  /** By the site's policy. */
  readonly modes: Modes;
  readonly signal?: AbortSignal | undefined;
}

export async function verifyTree(
  options: VerifyOptions,
): Promise<{ readonly tree: ObjectId; readonly drift: readonly Drift[] }> {
  const { disk, index, root, tree: wanted, signal, twinsIn, modes } = options;
  const drift: Drift[] = [];
  const noted = new Set<string>();
  const note = (found: Drift): void => {
    if (drift.length >= driftMax) return;
    const path = whereTooLong(found.path);
    if (path === found.path) drift.push(found);
    else if (!noted.has(path)) drift.push({ path, problem: 'extra' });
    noted.add(path);
  };
  const tree = await readTree({
    disk,
    root,
    hexLength: wanted.length as ObjectIdLength,
    owner: modes.owner,
    signal,
    twinsIn: twinsIn && ((path) => new Set(twinsIn(path).keys())),
    onDirectory(reading) {
      if (drift.length >= driftMax) return;
      const expected = expectedDirectory(index, wanted, reading.path);
      if (expected === 'unknown') return;
      const recorded = twinsIn?.(reading.path) ?? noTwins;
      for (const found of compareDirectory(reading, expected, recorded, modes)) note(found);
      if (recorded.size > 0)
        for (const found of compareTwins(reading, expected, recorded, modes)) note(found);
    },
  });
  drift.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { tree, drift };
}

interface Expected {
  /** Undefined when the tree has no directory there. */
  readonly entries: IndexDirectory | undefined;
}

function expectedDirectory(index: TreeIndex, tree: ObjectId, path: string): Expected | 'unknown' {
  try {
    const entry = path === '' ? { id: tree, mode: directoryMode } : index.entryOf(tree, path);
    if (entry?.mode !== directoryMode) return { entries: undefined };
    const entries = index.directory(entry.id);
    return entries ? { entries } : 'unknown';
  } catch (error) {
    if (error instanceof IndexGap) return 'unknown';
    throw error;
  }
}

function* compareDirectory(
  reading: DirectoryReading,
  expected: Expected,
  recorded: ReadonlyMap<string, TwinRecord>,
  modes: Modes,
): Generator<Drift> {
  const { path, entries, strange } = reading;
  if (expected.entries && reading.permissions !== modes.directory) {
    yield { path: path === '' ? rootName : path, problem: 'mode' };
  } else if (expected.entries && reading.isOthers) {
    yield { path: path === '' ? rootName : path, problem: 'owner' };
  }
  const at = (name: string): string => (path === '' ? name : `${path}/${name}`);
  const seen = new Set<string>(strange);
  if (!expected.entries && entries.length === 0 && strange.length === 0) yield { path, problem: 'extra' };
  for (const found of entries) {
    const { name } = found;
    seen.add(name);
    // What lies in place of a twin is reported as such.
    if (recorded.has(name) && !expected.entries?.has(name)) continue;
    const problem = problemWith(expected.entries?.get(name), found, modes);
    if (problem) yield { path: at(name), problem };
  }
  for (const name of strange) {
    yield { path: at(name), problem: expected.entries?.has(name) ? 'type' : 'extra' };
  }
  for (const [name, entry] of expected.entries ?? []) {
    // An empty directory is read as nothing there, but reports its own missing entries.
    if (!seen.has(name) && entry.mode !== directoryMode) yield { path: at(name), problem: 'missing' };
    else if (!seen.has(name) && !reading.emptyDirectories.has(name)) {
      yield { path: at(name), problem: 'missing' };
    }
  }
}

/** STG-23. A twin that was made of other bytes than its file has is wrong too, whatever its record says. */
function* compareTwins(
  { path, entries, twins, strange, emptyDirectories }: DirectoryReading,
  expected: Expected,
  recorded: ReadonlyMap<string, TwinRecord>,
  modes: Modes,
): Generator<Drift> {
  const files = new Map(twins.map((twin) => [twin.name, twin]));
  const others = new Set([...entries.map(({ name }) => name), ...strange, ...emptyDirectories]);
  for (const [name, { source, id }] of recorded) {
    const twin = files.get(name);
    const file = expected.entries?.get(fileOfTwin(name) ?? '');
    const at = path === '' ? name : `${path}/${name}`;
    if (!twin) yield { path: at, problem: others.has(name) ? 'type' : 'missing' };
    else if (twin.id !== id || file?.id !== source) yield { path: at, problem: 'content' };
    else if (twin.permissions !== permissionsOf(modes, file.mode)) yield { path: at, problem: 'mode' };
    else if (twin.isOthers) yield { path: at, problem: 'owner' };
  }
}

function problemWith(
  expected: { readonly mode: string; readonly id: ObjectId } | undefined,
  found: ReadEntry,
  modes: Modes,
): DriftProblem | undefined {
  // What lies in a directory that should not be there is reported path by path.
  if (!expected) return found.mode === directoryMode ? undefined : 'extra';
  if (found.mode === directoryMode && expected.mode === directoryMode) return undefined;
  if (typeOf(found.mode) !== typeOf(expected.mode)) return 'type';
  if (found.permissions === 0) return 'mode';
  if (found.id !== expected.id) return 'content';
  const hasMode =
    found.permissions === undefined || found.permissions === permissionsOf(modes, expected.mode);
  if (!hasMode) return 'mode';
  return found.isOthers === true ? 'owner' : undefined;
}

function typeOf(mode: string): 'directory' | 'symlink' | 'file' {
  return mode === directoryMode ? 'directory' : mode === '120000' ? 'symlink' : 'file';
}
