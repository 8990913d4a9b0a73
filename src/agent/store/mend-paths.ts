// Puts drifted paths right in every tree that is held here (STG-34 to STG-36): from an inode or the bytes of another tree, or from
// what was fetched for it. A new inode takes the path's name by rename; nothing is written in place, no other path is touched.

import { constants } from 'node:fs';
import { blobIdOf } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { ObjectId } from '../../model/tree.ts';
import { createSlices, runInSlices } from '../../slices/slices.ts';
import { rootName } from './check-paths.ts';
import {
  createDirectoryHandles,
  type DirectoryHandles,
  entryIfReachable,
  parentOf,
} from './directory-handles.ts';
import type { Disk } from './disk.ts';
import { createSyncSet, type SyncSet } from './durability.ts';
import { encodePaths } from './inbox.ts';
import { createInspector, type Inspector, permissionsOf } from './inspect-entry.ts';
import type { Modes } from './interpreter.ts';
import { emptyLag, type Lag, shortLag, uniteLags } from './lag.ts';
import { isTooLong } from './long-path.ts';
import { givable } from './owner.ts';
import { removeDirectory } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import type { Drift } from './site-store.ts';
import { abandonTree, pathsOf } from './slots.ts';
import { replaceSlot, type Slot } from './state.ts';
import { directoryMode, IndexGap } from './tree-index.ts';
import { fileOfTwin } from './twin-names.ts';
import { heldSlots, type WantedEntry, wantedAt } from './wanted-entry.ts';

export interface MendOptions {
  /** What is no part of the tree is removed. */
  readonly removeExtra: boolean;
  readonly isIgnored: (path: string) => boolean;
  /** Fetched contents: absolute names of files and symlinks outside the trees, by path; their ids were checked. */
  readonly fetched?: ReadonlyMap<string, { readonly id: ObjectId; readonly file: string }>;
  readonly signal?: AbortSignal | undefined;
}

/** `O_PATH`, which Node does not name: a handle that is good for a mode change only, and needs no permission. */
const pathOnly = 0o10000000;

interface HeldTree {
  readonly slot: Slot;
  readonly root: string;
  readonly handles: DirectoryHandles;
  readonly syncs: SyncSet;
  /** Where it may have other files than live; undefined: everywhere. */
  readonly lag: ReadonlySet<string> | undefined;
}

/** What could not be mended for lack of the right bytes here is left as it is. Durable when it resolves. */
export async function mendPaths(
  context: SiteContext,
  drift: readonly Drift[],
  options: MendOptions,
): Promise<void> {
  const { disk, journal } = context;
  const state = journal.state();
  const trees: HeldTree[] = [];
  const paths = drift.map(({ path }) => (path === rootName ? '' : path)).sort();
  try {
    for (const slot of state.slots) {
      if (!slot.lag.all && slot.formerDirectory === null) trees.push(await openTree(context, slot));
    }
    const held = heldSlots(state).flatMap(
      ({ slot }) => trees.find((candidate) => candidate.slot.slot === slot) ?? [],
    );
    await noteLag(context, paths);
    const modes = givable(context.modes());
    if (paths.includes('')) {
      abandonTree(context);
      const isHeld = new Set(held.map(({ slot }) => slot.slot));
      const idle = state.slots.filter(({ slot, lag }) => !lag.all && !isHeld.has(slot));
      await mendIdleRoots(context, idle, modes);
    }
    const inspector = createInspector({ disk, modes, signal: options.signal });
    for (const tree of held) {
      const mender = { context, modes, tree, trees, inspector, options };
      for (const path of paths) await mendOne(mender, path);
      await tree.syncs.settle(tree.handles, tree.root);
      failpoint('agent.mend.durable');
    }
  } finally {
    for (const { handles, syncs } of trees) {
      syncs.drop();
      handles.close();
    }
  }
}

/** STG-34: no lag names a tree's own directory, so it is mended at once where nobody serves it, and before the live one. */
async function mendIdleRoots(
  { disk, layout }: SiteContext,
  slots: readonly Slot[],
  modes: Modes,
): Promise<void> {
  for (const { formerDirectory, directory } of slots) {
    const root = layout.tree(formerDirectory ?? directory);
    setDirectoryFacts(disk, root, modes);
    const handle = disk.open(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    await disk.sync(handle).finally(() => disk.close(handle));
    failpoint('agent.mend.idle-root');
  }
}

async function openTree(context: SiteContext, slot: Slot): Promise<HeldTree> {
  const { disk, layout } = context;
  const lag = await lagPaths(context, slot.lag);
  const root = layout.tree(slot.directory);
  return { slot, root, handles: createDirectoryHandles(disk, root), syncs: createSyncSet(disk), lag };
}

async function lagPaths(context: SiteContext, lag: Lag): Promise<ReadonlySet<string> | undefined> {
  try {
    return await runInSlices(pathsOf(context, lag));
  } catch {
    // Its list is lost: the slot is thrown away as soon as it is idle (STG-4).
    return undefined;
  }
}

/** STG-34, STG-1: every other slot may from now on differ from live here. */
async function noteLag({ journal, inbox, making }: SiteContext, paths: readonly string[]): Promise<void> {
  // The tree's own directory is shared with no other tree. Twins go with their file (STG-22).
  const all = [...new Set(paths.flatMap((path) => [path, fileOfTwin(path) ?? path]))].filter(Boolean);
  if (all.length === 0) return;
  const lag = shortLag(all) ?? {
    ...emptyLag,
    assignments: [await inbox.keep('paths', encodePaths(all))],
  };
  let state = journal.state();
  for (const slot of state.slots) {
    if (slot.slot !== state.live) state = replaceSlot(state, { ...slot, lag: uniteLags(slot.lag, lag) });
  }
  await journal.save(state);
  failpoint('agent.mend.journaled');
  if (making) making.lag = uniteLags(making.lag, lag);
}

interface Mender {
  readonly context: SiteContext;
  /** Without an owner that this agent cannot give. */
  readonly modes: Modes;
  readonly tree: HeldTree;
  readonly trees: readonly HeldTree[];
  readonly inspector: Inspector;
  readonly options: MendOptions;
}

async function mendOne(mender: Mender, path: string): Promise<void> {
  const { context, tree, inspector, options } = mender;
  const { disk } = context;
  const entry = path === '' ? tree.root : entryIfReachable(tree.handles, path);
  let wanted: WantedEntry | undefined;
  try {
    wanted = wantedAt(context, tree.slot, path);
  } catch (error) {
    if (error instanceof IndexGap) return;
    throw error;
  }
  const problem = await inspector.problemWith(entry, wanted, isTooLong(path));
  if (!problem) return;
  if (!wanted) {
    if (options.removeExtra) await removeExtra(mender, path);
    return;
  }
  if (wanted.mode === directoryMode) {
    await mendDirectory(mender, path);
    return;
  }
  const source = await findSource(mender, path, wanted);
  if (source === undefined) {
    if (wanted.isTwin) await dropTwin(mender, path);
    return;
  }
  await makeParents(mender, path);
  const target = tree.handles.entry(path);
  if (disk.lstat(target)?.isDirectory()) await runInSlices(removeDirectory(disk, tree.handles, path));
  disk.rename(source, tree.handles.entry(path));
  failpoint('agent.mend.placed');
  tree.syncs.directory(parentOf(path));
}

/** A directory's mode and owner are its own: no other tree shares it. */
async function mendDirectory({ context, modes, tree }: Mender, path: string): Promise<void> {
  const { disk } = context;
  const entry = path === '' ? tree.root : entryIfReachable(tree.handles, path);
  if (entry === undefined) return;
  const present = disk.lstat(entry);
  if (!present?.isDirectory()) {
    if (present) disk.unlink(entry);
    disk.mkdir(entry, 0o700);
    tree.syncs.directory(parentOf(path));
  }
  setDirectoryFacts(disk, entry, modes);
  tree.handles.forget(path);
  tree.syncs.directory(path);
}

/** Also of one that nobody may open. */
function setDirectoryFacts(disk: Disk, entry: string, { directory, owner }: Modes): void {
  const handle = disk.open(entry, pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    disk.chmodPath(`/proc/self/fd/${handle}`, directory);
    if (owner) disk.chownPath(`/proc/self/fd/${handle}`, owner);
  } finally {
    disk.close(handle);
  }
}

async function makeParents(mender: Mender, path: string): Promise<void> {
  const parent = parentOf(path);
  if (parent === '' || entryIfReachable(mender.tree.handles, path) !== undefined) return;
  await makeParents(mender, parent);
  await mendDirectory(mender, parent);
}

/** A fresh name outside the trees that holds the right file or symlink; undefined when there is none here. */
async function findSource(mender: Mender, path: string, wanted: WantedEntry): Promise<string | undefined> {
  const { tree, trees, options } = mender;
  // Where the path may be another file than in live, its time may be another too, whatever its bytes.
  const isAsInLive = ({ lag }: HeldTree): boolean => lag?.has(path) === false;
  const donors = isAsInLive(tree) ? [tree, ...trees.filter(isAsInLive)] : [tree];
  const linkable = donors.filter((donor) => hasFacts(mender, donor, path, wanted));
  // Trees share what they can: a copy is made only when none has the file with the right mode and owner.
  for (const donor of new Set([...linkable, ...donors])) {
    const found = await takeFrom(mender, donor, path, wanted);
    if (found !== undefined) return found;
  }
  const fetched = options.fetched?.get(path);
  return fetched?.id === wanted.id && isAsInLive(tree) ? linkTo(mender, fetched.file) : undefined;
}

function hasFacts(
  { context, inspector }: Mender,
  donor: HeldTree,
  path: string,
  wanted: WantedEntry,
): boolean {
  const entry = entryIfReachable(donor.handles, path);
  const stat = entry === undefined ? undefined : context.disk.lstat(entry);
  return stat !== undefined && inspector.factsProblem(stat, wanted.mode) === undefined;
}

function linkTo({ context: { disk, temporary } }: Mender, file: string): string {
  const name = temporary();
  disk.link(file, name);
  return name;
}

async function takeFrom(
  mender: Mender,
  donor: HeldTree,
  path: string,
  wanted: WantedEntry,
): Promise<string | undefined> {
  const { context, inspector } = mender;
  const { disk } = context;
  const entry = entryIfReachable(donor.handles, path);
  if (wanted.mode === '120000') {
    if (entry === undefined) return undefined;
    const problem = await inspector.problemWith(entry, wanted);
    if (problem === 'owner') return symlinkLike(mender, entry, wanted);
    return problem === undefined ? linkTo(mender, entry) : undefined;
  }
  const fd = await inspector.openIfHas(entry, wanted.id);
  if (fd === undefined || entry === undefined) return undefined;
  try {
    if (inspector.factsProblem(disk.fstat(fd), wanted.mode) !== undefined)
      return await copyOf(mender, fd, wanted);
    const name = linkTo(mender, donor.handles.entry(path));
    const { ino, dev } = disk.fstat(fd);
    const linked = disk.lstat(name);
    if (linked?.ino === ino && linked.dev === dev) return name;
    // Somebody put another file there meanwhile.
    disk.unlink(name);
    return undefined;
  } finally {
    disk.close(fd);
  }
}

/** The same target and time, for the policy's owner, as a new inode. */
function symlinkLike({ context, modes }: Mender, entry: string, wanted: WantedEntry): string | undefined {
  const { disk } = context;
  const target = disk.readlink(entry);
  const stat = disk.lstat(entry);
  if (target === undefined || !stat || blobIdOf(Buffer.from(target), wanted.id) !== wanted.id)
    return undefined;
  const name = context.temporary();
  disk.symlink(target, name);
  disk.touchLink(name, Math.floor(stat.mtimeMs / 1000));
  if (modes.owner) disk.chownLink(name, modes.owner);
  return name;
}

/** The same bytes and time under the policy's mode and owner, as a new inode. */
async function copyOf(mender: Mender, source: number, wanted: WantedEntry): Promise<string | undefined> {
  const { context, modes, tree, inspector } = mender;
  const { disk } = context;
  const name = context.temporary();
  await disk.copy(`/proc/self/fd/${source}`, name);
  const fd = await inspector.openIfHas(name, wanted.id);
  if (fd === undefined) {
    disk.unlink(name);
    return undefined;
  }
  disk.chmod(fd, permissionsOf(modes, wanted.mode));
  disk.touch(fd, Math.floor(disk.fstat(source).mtimeMs / 1000));
  if (modes.owner) disk.chown(fd, modes.owner);
  tree.syncs.file(fd);
  return name;
}

/** STG-36: a twin that nobody has right any more goes; its file is served without. */
async function dropTwin({ context, tree, options }: Mender, path: string): Promise<void> {
  const { disk, twins } = context;
  const entry = entryIfReachable(tree.handles, path);
  const stat = entry === undefined ? undefined : disk.lstat(entry);
  if (stat?.isDirectory()) await runInSlices(removeDirectory(disk, tree.handles, path));
  else if (stat && entry !== undefined) disk.unlink(entry);
  tree.syncs.directory(parentOf(path));
  await runInSlices(twins.remove(tree.slot.slot, [path]), options.signal);
}

/** With the directories around it that are no part of the tree and now empty. */
async function removeExtra(mender: Mender, path: string): Promise<void> {
  const { context, tree, options } = mender;
  if (!(await removeUnlessIgnored(mender, path))) return;
  const slices = createSlices(options.signal);
  let parent = parentOf(path);
  while (parent !== '' && wantedAt(context, tree.slot, parent) === undefined) {
    tree.handles.forget(parent);
    if (entryIfReachable(tree.handles, parent) === undefined || !removeIfEmpty(mender, parent)) break;
    parent = parentOf(parent);
    if (slices.due()) await slices.pause();
  }
  tree.syncs.directory(parent);
}

/** True when it is gone. */
async function removeUnlessIgnored(mender: Mender, path: string): Promise<boolean> {
  const { context, tree, options } = mender;
  const { disk } = context;
  if (options.isIgnored(path)) return false;
  const entry = entryIfReachable(tree.handles, path);
  const stat = entry === undefined ? undefined : disk.lstat(entry);
  if (!stat || entry === undefined) return true;
  if (!stat.isDirectory()) disk.unlink(entry);
  else if (isTooLong(path)) await runInSlices(removeDirectory(disk, tree.handles, path), options.signal);
  else return removeIfEmpty(mender, path);
  return true;
}

/** What was put into a directory meanwhile is found path by path. */
function removeIfEmpty({ context: { disk }, tree: { handles } }: Mender, path: string): boolean {
  if (disk.readdir(handles.directoryPath(path)).length > 0) return false;
  handles.forget(path);
  disk.rmdir(handles.entry(path));
  return true;
}
