// Stages one release into `next`: slot, journal, rename, catch-up, commands, tree id, syncs, journal (STG-1, STG-5 to STG-9).
// Touches neither live nor backup. When it throws, nothing is staged and the slot's lag says what is to be undone.

import { createDataReader } from '../../assignment/data-reader.ts';
import { type ContentKey, openDataKey } from '../../assignment/seal.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { Command } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { runInSlices } from '../../slices/slices.ts';
import { startsFromNothing } from './acceptance.ts';
import { catchUp } from './catch-up.ts';
import { type ChangedTree, readChangedTree } from './changed-tree.ts';
import { createDirectoryHandles, type DirectoryHandles } from './directory-handles.ts';
import { allEnded, createSyncSet, type SyncSet } from './durability.ts';
import type { ReceivedAssignment } from './inbox.ts';
import { createInterpreter } from './interpreter.ts';
import { emptyLag, type Lag, uniteLags, wholeLag } from './lag.ts';
import { workName } from './layout.ts';
import { givable } from './owner.ts';
import { createPluginCommands } from './plugin-commands.ts';
import { emptyDirectory } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import type { Drift, StageProgress, TreeProof } from './site-store.ts';
import { catchUpSlot, copyTwinRecords, makeTree, pathsOf, renameSlot, withTwins } from './slots.ts';
import { createStagedTwins, knowTwinsOfNext } from './staged-twins.ts';
import {
  addSlot,
  directoryForRelease,
  dropStaging,
  idleSlots,
  replaceSlot,
  type Slot,
  type State,
  slotOf,
} from './state.ts';
import { createTouchedDirectory } from './touched-paths.ts';

export interface StageRequest {
  /** All parts of the release, in order, complete. */
  readonly parts: readonly ReceivedAssignment[];
  readonly contentKeys: readonly ContentKey[];
  readonly signal: AbortSignal;
  readonly onProgress: StageProgress | undefined;
}

export async function stageRelease(context: SiteContext, request: StageRequest): Promise<TreeProof> {
  const { journal } = context;
  const first = headerOf(request);
  const fromNothing = startsFromNothing(first, journal.state());
  // An undecided release that was staged before gives way; its slot lags by what it did.
  journal.assume(dropStaging(journal.state()));
  const number = fromNothing ? undefined : await findSlot(context, request);
  const lag = fromNothing ? wholeLag : await lagOfParts(context, request.parts);
  const slot = await enterSlot(context, request, number, lag);
  const work = openWork(context, slot);
  try {
    await knowTwinsOfNext(context, slot.number, fromNothing, request.signal);
    await catchUpHere(context, work, slot, request.signal);
    failpoint('agent.stage.caught-up');
    const { objects, commands } = await execute(context, work, request, { slot: slot.number, fromNothing });
    failpoint('agent.stage.carried-out');
    for (const part of request.parts) part.dropData();
    failpoint('agent.stage.data-dropped');
    const kept = commands ? await context.inbox.keep('commands', commands) : null;
    // STG-27: whoever says `staged` can also switch.
    journal.keepRoom();
    const staged = stagedState(journal.state(), slot.number, lag, kept);
    const prepared = journal.prepare(staged);
    const synced = allEnded([prepared.then(() => {}), work.syncs.settle(work.next, context.paths.trees)]);
    // While the disk is busy. An index without these objects would be mended by reading live again.
    const indexed = putObjects(context, objects);
    await allEnded([synced, indexed]);
    failpoint('agent.stage.synced');
    await (await prepared).commit();
    failpoint('agent.stage.staged');
  } catch (error) {
    await undo(context, work, slot.number, error);
    throw error;
  } finally {
    work.close();
  }
  return { tree: first.targetTree, scope: 'changed', release: first.release };
}

function headerOf({ parts }: StageRequest) {
  const [first] = parts;
  if (!first) throw new Error('a release has at least one part');
  return first.header;
}

/** An idle slot; waits for one to be made when there is none. The one that already bears the release's name comes first. */
async function findSlot(context: SiteContext, request: StageRequest): Promise<number> {
  const { journal } = context;
  for (;;) {
    const idle = idleSlots(journal.state());
    const usable = idle.filter(({ lag }) => !lag.all);
    const named = usable.find(
      (slot) => slot.directory === directoryForRelease(journal.state(), slot.slot, headerOf(request).release),
    );
    const slot = named ?? usable[0];
    if (slot) return slot.slot;
    for (const { slot: useless } of idle) await catchUpSlot(context, useless, request.signal);
    await makeTree(context, request.signal);
  }
}

async function lagOfParts({ inbox }: SiteContext, parts: readonly ReceivedAssignment[]): Promise<Lag> {
  let lag = emptyLag;
  for (const { manifest, lag: own } of parts) {
    if (own.assignments.length > 0) await inbox.keepManifest(manifest);
    lag = uniteLags(lag, own);
  }
  return lag;
}

interface EnteredSlot {
  readonly number: number;
  /** What the slot lagged by before; still to be caught up. */
  readonly pending: Lag;
}

/** The journal has slot, names and lag durably; then the directory is renamed (or made), durably, before the first write. */
async function enterSlot(
  context: SiteContext,
  request: StageRequest,
  existing: number | undefined,
  lag: Lag,
): Promise<EnteredSlot> {
  const { journal, disk, layout, handles } = context;
  const { release, targetTree } = headerOf(request);
  const before = journal.state();
  const number = existing ?? before.nextNumber;
  const directory = directoryForRelease(before, number, release, context.trash);
  const slot = slotOf(before, existing ?? null);
  const pending = slot?.lag ?? emptyLag;
  const entered = slot
    ? replaceSlot(before, entering(slot, directory, uniteLags(pending, lag)))
    : addSlot(before, directory, lag);
  try {
    await journal.save({ ...entered, staging: { slot: number, release, targetTree, complete: false } });
    failpoint('agent.stage.entered');
    if (slot) {
      await renameSlot(context, number);
    } else {
      disk.mkdir(layout.tree(directory), 0o700);
      await disk.sync(handles.trees);
      failpoint('agent.stage.tree-made');
    }
  } catch (error) {
    journal.assume(dropStaging(journal.state()));
    throw error;
  }
  return { number, pending };
}

function entering(slot: Slot, directory: string, lag: Lag): Slot {
  const place = slot.formerDirectory ?? slot.directory;
  return {
    ...slot,
    directory,
    formerDirectory: place === directory ? null : place,
    served: false,
    held: null,
    lag,
    commands: null,
  };
}

interface Work {
  readonly next: DirectoryHandles;
  readonly live: DirectoryHandles | null;
  readonly syncs: SyncSet;
  close(): void;
}

function openWork({ disk, layout, journal }: SiteContext, { number }: EnteredSlot): Work {
  const state = journal.state();
  const slot = slotOf(state, number) as Slot;
  const liveSlot = slotOf(state, state.live);
  const next = createDirectoryHandles(disk, layout.tree(slot.directory));
  const live = liveSlot ? createDirectoryHandles(disk, layout.tree(liveSlot.directory)) : null;
  return {
    next,
    live,
    syncs: createSyncSet(disk),
    close() {
      next.close();
      live?.close();
    },
  };
}

async function catchUpHere(
  context: SiteContext,
  { next, live, syncs }: Work,
  { number, pending }: EnteredSlot,
  signal: AbortSignal,
): Promise<void> {
  if (!live) return;
  const tools = { disk: context.disk, live, next, syncs, owner: givable(context.modes()).owner };
  const paths = await runInSlices(pathsOf(context, pending), signal);
  await runInSlices(catchUp(tools, withTwins(context, paths)), signal);
  await copyTwinRecords(context, number, paths, signal);
}

async function execute(
  context: SiteContext,
  work: Work,
  { parts, contentKeys, signal, onProgress }: StageRequest,
  { slot, fromNothing }: { readonly slot: number; readonly fromNothing: boolean },
): Promise<{ readonly objects: ChangedTree['objects']; readonly commands: Buffer | undefined }> {
  const { disk, index, temporary } = context;
  const modes = context.modes();
  const { baseTree, targetTree } = (parts[0] as ReceivedAssignment).header;
  const touched = createTouchedDirectory();
  const pluginCommands = createPluginCommands();
  const { next, live, syncs } = work;
  const twins = context.journal.state().twins
    ? createStagedTwins(context, { slot, next, syncs, baseTree })
    : undefined;
  if (fromNothing) {
    disk.chmod(next.directory(''), modes.directory);
    if (modes.owner) disk.chown(next.directory(''), modes.owner);
  }
  const interpreter = createInterpreter({
    disk,
    next,
    live: fromNothing ? null : live,
    modes,
    syncs,
    temporary,
    touched,
    twins,
    like: targetTree,
    baseBlob: (path) => index.entryOf(baseTree, path)?.id,
    pluginCommands,
    signal,
  });
  const commands = parts.reduce((total, { header }) => total + countCommands(header), 0);
  let commandsDone = 0;
  for (const { header, commands: own, source } of parts) {
    const data = createDataReader(header, source(), openDataKey(header, contentKeys));
    await interpreter.run(own(), data, () => onProgress?.({ commandsDone: ++commandsDone, commands }));
  }
  const result = await runInSlices(readChangedTree({ disk, next, index, twins }, baseTree, touched), signal);
  if (result.tree !== targetTree || result.drift.length > 0) throw treeMismatch(targetTree, result);
  if (twins) await runInSlices(twins.finish(touched), signal);
  return { objects: result.objects, commands: pluginCommands.bytes() };
}

function countCommands({
  counts,
}: {
  readonly counts: Readonly<Partial<Record<Command['do'], number>>>;
}): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function stagedState(state: State, number: number, lag: Lag, commands: string | null): State {
  const { staging } = state;
  const slot = slotOf(state, number);
  if (!staging || !slot) throw new Error('nothing is being staged');
  const held = { release: staging.release, tree: staging.targetTree };
  return { ...replaceSlot(state, { ...slot, held, lag, commands }), staging: { ...staging, complete: true } };
}

/** In memory only: the journal already says that this staging is not complete, and by what the slot lags. */
async function undo(context: SiteContext, work: Work, number: number, error: unknown): Promise<void> {
  const { journal, disk, layout } = context;
  work.syncs.drop();
  let state = journal.state();
  const slot = slotOf(state, number);
  // A slot whose tree is not what it should be is not trusted again.
  if (slot && error instanceof TreecastError && error.code === 'TREE_MISMATCH') {
    state = replaceSlot(state, { ...slot, lag: wholeLag });
  }
  journal.assume(dropStaging(state));
  const temporaries = createDirectoryHandles(disk, layout.work);
  try {
    await runInSlices(emptyDirectory(disk, temporaries, ''));
    failpoint('agent.stage.undone');
  } catch {
    // The background tries again; the reason why staging failed is the one worth telling.
    leaveToBackground(context);
  } finally {
    temporaries.close();
  }
}

function leaveToBackground({ disk, layout, trash }: SiteContext): void {
  try {
    for (const { name } of disk.readdir(layout.work)) trash.push(`${workName}/${name}`);
  } catch {
    // Start-up empties it.
  }
}

function treeMismatch(
  wanted: string,
  { tree, drift }: { readonly tree: string; readonly drift: readonly Drift[] },
): TreecastError {
  const first = drift[0];
  const where = first ? `; ${first.path} is ${first.problem}${drift.length > 1 ? ' (and others)' : ''}` : '';
  return new TreecastError('TREE_MISMATCH', `the staged tree is ${tree}, not ${wanted}${where}`, {
    fix: 'Run `treecast verify`: files of the live tree were changed on this node. Publishing again builds a new tree.',
    data: { tree, wanted, drift },
  });
}

async function putObjects({ index }: SiteContext, objects: ChangedTree['objects']): Promise<void> {
  index.put(objects);
}
