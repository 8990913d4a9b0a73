// What happens to tree slots on disk: rename before the first write, catch up with live, throw away, make a missing one.
// Each may be interrupted and done again; the journal is durable before the disk changes (STG-1, STG-5).

import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import { nextTurn, runInSlices, runOneSlice, type Steps, throwIfAborted } from '../../slices/slices.ts';
import { catchUp } from './catch-up.ts';
import { createDirectoryHandles } from './directory-handles.ts';
import { createSyncSet, syncFileSystem } from './durability.ts';
import { emptyLag, isEmptyLag, type Lag, uniteLags } from './lag.ts';
import { trashPrefix } from './layout.ts';
import { givable } from './owner.ts';
import type { SiteContext, TreeInMaking } from './site-context.ts';
import { linkTree } from './spare-tree.ts';
import {
  addSlot,
  dropStaging,
  idleSlots,
  planRenames,
  removeSlot,
  replaceSlot,
  type Slot,
  slotOf,
} from './state.ts';
import { withTwinNames } from './twin-names.ts';

/** Carries out a rename that the journal already has; durable when it resolves. */
export async function renameSlot(context: SiteContext, number: number): Promise<void> {
  const { disk, journal, layout, handles } = context;
  const slot = slotOf(journal.state(), number);
  if (!slot?.formerDirectory) return;
  disk.rename(layout.tree(slot.formerDirectory), layout.tree(slot.directory));
  journal.assume(replaceSlot(journal.state(), { ...slot, formerDirectory: null }));
  await disk.sync(handles.trees);
  failpoint('agent.slot.renamed');
}

/** Makes an idle slot equal to live, durably. A slot that cannot be caught up is thrown away: it is made anew. */
export async function catchUpSlot(
  context: SiteContext,
  number: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { journal } = context;
  const before = slotOf(journal.state(), number);
  const renames = before?.served && before.formerDirectory === null;
  if (renames || !isKnownIdle(context, number)) {
    await journal.save(planRenames(journal.state()), 'kept');
    failpoint('agent.slot.freed');
  }
  await renameSlot(context, number);
  const slot = slotOf(journal.state(), number);
  if (!slot || isEmptyLag(slot.lag)) return;
  if (slot.lag.all) return dropSlot(context, number);
  try {
    await applyLag(context, slot, slot.lag, signal);
    await knowTwins(context, number, signal);
    failpoint('agent.slot.caught-up');
  } catch (error) {
    if (error instanceof TreecastError && error.code === 'ABORTED') throw error;
    // Making it anew would fare no better; what was caught up stays so.
    if (diskTroubleOf(error)) throw error;
    return dropSlot(context, number);
  }
  journal.assume(replaceSlot(journal.state(), { ...slot, lag: emptyLag }));
}

/** Whether the journal on disk agrees that nobody may switch to the slot. */
function isKnownIdle({ journal }: SiteContext, number: number): boolean {
  const durable = journal.durable();
  if (durable === null) return false;
  // STG-15: one whose staging never became complete is idle after a crash too.
  const settled = durable.staging?.complete === false ? dropStaging(durable) : durable;
  return idleSlots(settled).some(({ slot }) => slot === number);
}

async function applyLag(
  context: SiteContext,
  slot: Slot,
  lag: Lag,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { disk, journal, layout } = context;
  const liveSlot = slotOf(journal.state(), journal.state().live);
  if (!liveSlot) throw new Error('nothing is live');
  const live = createDirectoryHandles(disk, layout.tree(liveSlot.directory));
  const next = createDirectoryHandles(disk, layout.tree(slot.directory));
  const syncs = createSyncSet(disk);
  try {
    const tools = { disk, live, next, syncs, owner: givable(context.modes()).owner };
    const paths = await runInSlices(pathsOf(context, lag), signal);
    await runInSlices(catchUp(tools, withTwins(context, paths)), signal);
    await syncs.settle(next, context.paths.trees);
    await copyTwinRecords(context, slot.slot, paths, signal);
  } finally {
    live.close();
    next.close();
  }
  throwIfAborted(signal);
}

/** A slot that equals live and whose records were lost. */
async function knowTwins(
  { twins, journal }: SiteContext,
  number: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { twins: hasTwins, live } = journal.state();
  if (!hasTwins || live === null || !twins.isKnown(live) || twins.isKnown(number)) return;
  const directory = slotOf(journal.state(), number)?.directory ?? '';
  await runInSlices(twins.copyAll(live, number, directory), signal);
}

/** STG-22: paths of a lag with those of the twins they cover. */
export function withTwins({ journal }: SiteContext, paths: Iterable<string>): Iterable<string> {
  return journal.state().twins ? withTwinNames(paths) : paths;
}

/** After a slot was caught up at these paths: what is recorded of their twins is what is of live's. */
export async function copyTwinRecords(
  { twins, journal }: SiteContext,
  number: number,
  paths: Iterable<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { twins: hasTwins, live } = journal.state();
  if (!hasTwins || live === null) return;
  if (!twins.isKnown(live)) twins.markUnknown(number);
  else if (twins.isKnown(number)) await runInSlices(twins.copyPaths(live, number, paths), signal);
}

/** Every path a lag names: as many as a release changed. */
export function* pathsOf({ inbox }: SiteContext, lag: Lag): Steps<Set<string>> {
  const paths = new Set(lag.paths);
  for (const assignment of lag.assignments) {
    for (const path of inbox.pathsOf(assignment)) {
      paths.add(path);
      yield;
    }
  }
  return paths;
}

/** Takes an idle slot off the journal; its files go in the background. */
export async function dropSlot(context: SiteContext, number: number): Promise<void> {
  const { journal } = context;
  const slot = slotOf(journal.state(), number);
  if (!slot) return;
  await journal.save(removeSlot(journal.state(), number), 'kept');
  failpoint('agent.slot.dropped');
  throwAway(context, slot.formerDirectory ?? slot.directory);
}

/** Moves a directory of `trees/` out of the way of the names slots may take. */
export function throwAway({ disk, layout, trash }: SiteContext, directory: string): void {
  if (!disk.lstat(layout.tree(directory))) return;
  const name = `${trashPrefix}${directory}-${process.hrtime.bigint()}`;
  try {
    disk.rename(layout.tree(directory), layout.tree(name));
    failpoint('agent.tree.thrown-away');
    trash.push(name);
  } catch {
    // Nobody takes the name (directoryForRelease), and what can be removed of it is.
    trash.push(directory);
  }
}

/** Works on a missing tree until it is whole and in the journal; when aborted, the next call goes on where this one stopped. */
export async function makeTree(context: SiteContext, signal: AbortSignal | undefined): Promise<void> {
  const { disk, journal, paths } = context;
  const making = context.making ?? beginTree(context);
  context.making = making;
  try {
    while (!runOneSlice(making.steps)) {
      await nextTurn();
      throwIfAborted(signal);
    }
    if (!(await syncFileSystem(disk, paths.trees))) {
      throw new TreecastError('STAGE_FAILED', 'the program `sync` could not make a tree durable', {
        fix: 'Install coreutils (`sync -f`) and look at the kernel log for disk errors.',
      });
    }
    throwIfAborted(signal);
  } catch (error) {
    if (!(error instanceof TreecastError && error.code === 'ABORTED')) abandonTree(context);
    throw error;
  }
  failpoint('agent.tree.linked');
  await recordMade(context, making, signal);
  making.close();
  context.making = null;
  await journal.save(addSlot(journal.state(), making.directory, making.lag));
  failpoint('agent.tree.made');
}

/** A tree made by links has the twins of its source, which was not written meanwhile. */
async function recordMade(
  { twins, journal }: SiteContext,
  { source, directory }: TreeInMaking,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { twins: hasTwins, nextNumber } = journal.state();
  if (!hasTwins || !twins.isKnown(source)) return;
  await runInSlices(twins.copyAll(source, nextNumber, directory), signal);
}

function beginTree(context: SiteContext): TreeInMaking {
  const { disk, journal, layout } = context;
  const state = journal.state();
  const source = slotOf(state, state.live);
  if (!source) throw new Error('nothing is live to make a tree from');
  const directory = `spare-${state.nextNumber}`;
  journal.assume({ ...state, nextNumber: state.nextNumber + 1 });
  const from = createDirectoryHandles(disk, layout.tree(source.directory));
  if (disk.lstat(layout.tree(directory))) throwAway(context, directory);
  disk.mkdir(layout.tree(directory), 0o700);
  failpoint('agent.tree.begun');
  const to = createDirectoryHandles(disk, layout.tree(directory));
  const { owner } = givable(context.modes());
  disk.chmod(to.directory(''), disk.fstat(from.directory('')).mode & 0o7777);
  if (owner) disk.chown(to.directory(''), owner);
  return {
    directory,
    source: source.slot,
    lag: emptyLag,
    steps: linkTree({ disk, source: from, target: to, owner }),
    close() {
      from.close();
      to.close();
    },
  };
}

/** Gives up a tree in making, if there is one. */
export function abandonTree(context: SiteContext): void {
  const { making } = context;
  if (!making) return;
  context.making = null;
  making.close();
  throwAway(context, making.directory);
}

/** After live moved: the tree in making now lags by what moved, or has lost its source. */
export function moveMaking(context: SiteContext, moved: Lag): void {
  const { making, journal } = context;
  if (!making) return;
  making.lag = uniteLags(making.lag, moved);
  const sourceIsIdle = idleSlots(journal.state()).some(({ slot }) => slot === making.source);
  if (sourceIsIdle || making.lag.all || !slotOf(journal.state(), making.source)) abandonTree(context);
}
