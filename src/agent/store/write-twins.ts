// Takes twins for the staged tree one by one as temporaries, and puts them into it all together, durably (STG-20). Until then the
// staged tree is as it was; what happens to twins later is staged-twins.ts's.

import { constants } from 'node:fs';
import { blobIdOf } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import { compareReleases, type Release, releaseName } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import { type TwinSuffix, twinSuffixes } from '../../plugins/api/hooks.ts';
import { runInSlices } from '../../slices/slices.ts';
import { createDirectoryHandles, type DirectoryHandles, parentOf } from './directory-handles.ts';
import { createSyncSet, type SyncSet } from './durability.ts';
import { encodePaths } from './inbox.ts';
import { emptyLag, type Lag, shortLag, uniteLags } from './lag.ts';
import type { Owner } from './owner.ts';
import type { SiteContext } from './site-context.ts';
import { pathsOf } from './slots.ts';
import { dropStaging, replaceSlot, type Slot, type State, slotOf } from './state.ts';
import { IndexGap } from './tree-index.ts';
import { isNameShortEnough } from './twin-names.ts';
import type { PlacedTwin } from './twin-records.ts';

export interface TwinWriter {
  /** Throws STAGE_FAILED or SPACE_INSUFFICIENT; the staged tree is as before then. */
  write(release: Release, path: string, suffix: TwinSuffix, bytes: Uint8Array): void;
  /** Whether twins wait to be put into that release. */
  isWaiting(release: Release): boolean;
  /** Durable when it resolves. When it rejects the release is not staged any more. */
  seal(release: Release): Promise<void>;
  /** Gives up what was written and not sealed. */
  drop(): void;
}

/** Twins of one release. */
export const twinsMax = 200_000;
const createFlags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface WaitingTwin extends PlacedTwin {
  /** The file it is a twin of. */
  readonly file: string;
  readonly temporary: string;
}

interface Batch {
  readonly slot: number;
  readonly release: Release;
  readonly next: DirectoryHandles;
  readonly syncs: SyncSet;
  readonly owner: Owner | null;
  /** By path of the twin. */
  readonly waiting: Map<string, WaitingTwin>;
}

export function createTwinWriter(context: SiteContext): TwinWriter {
  const { disk, index, journal, layout, twins } = context;
  let batch: Batch | undefined;

  function stagedSlot(release: Release): Slot {
    const { staging } = journal.state();
    const isStaged = staging?.complete && compareReleases(staging.release, release) === 0;
    const slot = isStaged ? slotOf(journal.state(), staging.slot) : undefined;
    if (slot?.held) return slot;
    throw refused(
      `release ${releaseName(release)} is not staged here`,
      'Write twins before the switch only.',
    );
  }

  function batchFor(slot: Slot, release: Release): Batch {
    if (batch && batch.slot === slot.slot && compareReleases(batch.release, release) === 0) return batch;
    drop();
    const next = createDirectoryHandles(disk, layout.tree(slot.directory));
    const { owner } = context.modes();
    batch = { slot: slot.slot, release, next, syncs: createSyncSet(disk), owner, waiting: new Map() };
    return batch;
  }

  function drop(): void {
    if (!batch) return;
    const { next, syncs, waiting } = batch;
    batch = undefined;
    syncs.drop();
    next.close();
    for (const { temporary } of waiting.values()) {
      try {
        disk.unlink(temporary);
      } catch {
        // Start-up empties the directory of temporaries.
      }
    }
  }

  /** Blob id of the file that is to have a twin. */
  function sourceOf(tree: ObjectId, path: string, suffix: TwinSuffix): ObjectId {
    if (!twinSuffixes.includes(suffix)) throw refused(`${suffix} is no suffix of twins`, badTwin);
    const twin = path + suffix;
    try {
      const entry = index.entryOf(tree, path);
      if (!entry?.mode.startsWith('100')) throw refused(`${path} is no file of the staged tree`, badTwin);
      if (index.entryOf(tree, twin)) throw refused(`the tree has ${twin} itself`, badTwin);
      if (!isNameShortEnough(twin)) throw refused(`the name of ${twin} is too long for a file`, badTwin);
      return entry.id;
    } catch (error) {
      if (!(error instanceof IndexGap)) throw error;
      throw refused(`what is in the staged tree is not known here: ${path}`, 'Publish again.', error);
    }
  }

  function put(to: Batch, file: string, twin: PlacedTwin, bytes: Uint8Array): void {
    const stat = disk.lstat(to.next.entry(file));
    if (!stat?.isFile()) throw refused(`${file} is no file in the staged tree on disk`, badTwin);
    const temporary = context.temporary();
    const fd = disk.open(temporary, createFlags, 0o600);
    try {
      if (bytes.length > 0) disk.write(fd, bytes, 0);
      disk.chmod(fd, stat.mode & 0o7777);
      disk.touch(fd, stat.mtimeMs / 1000);
      if (to.owner) disk.chown(fd, to.owner);
    } catch (error) {
      disk.close(fd);
      disk.unlink(temporary);
      throw error;
    }
    to.syncs.file(fd);
    failpoint('agent.twins.written');
    const former = to.waiting.get(twin.path);
    if (former) disk.unlink(former.temporary);
    to.waiting.set(twin.path, { ...twin, file, temporary });
  }

  /** The tree has that very twin, as when a hook runs again. */
  function isThere({ slot, next, waiting }: Batch, { path, source, id }: PlacedTwin): boolean {
    if (!journal.state().twins || waiting.has(path)) return false;
    const record = twins.recordOf(slot, path);
    return record?.source === source && record.id === id && disk.lstat(next.entry(path))?.isFile() === true;
  }

  /** STG-1: the slot's lag names every file that gets a twin. */
  async function lagWith(slot: Slot, waiting: Iterable<WaitingTwin>): Promise<Lag> {
    if (slot.lag.all) return slot.lag;
    const covered = await runInSlices(pathsOf(context, slot.lag));
    const more = new Set<string>();
    for (const { file } of waiting) if (!covered.has(file)) more.add(file);
    if (more.size === 0) return slot.lag;
    const short = shortLag([...slot.lag.paths, ...more]);
    const lag = short ?? { ...emptyLag, assignments: [await context.inbox.keep('paths', encodePaths(more))] };
    return uniteLags(slot.lag, lag);
  }

  async function place({ slot: number, next, syncs, waiting }: Batch, before: State): Promise<void> {
    const slot = slotOf(before, number) as Slot;
    const lag = await lagWith(slot, waiting.values());
    if (!before.twins) {
      twins.begin(before.slots);
      failpoint('agent.twins.begun');
    }
    const opened = replaceSlot({ ...before, twins: true }, { ...slot, lag });
    // STG-15: a crash from here on undoes the staging; its lag says what is to be made good.
    await journal.save({ ...opened, staging: before.staging && { ...before.staging, complete: false } });
    failpoint('agent.twins.opened');
    for (const { path, temporary } of waiting.values()) {
      disk.rename(temporary, next.entry(path));
      syncs.directory(parentOf(path));
    }
    await syncs.settle(next, context.paths.trees);
    failpoint('agent.twins.placed');
    await runInSlices(twins.put(number, waiting.values()));
    failpoint('agent.twins.recorded');
    await journal.save(opened);
    failpoint('agent.twins.sealed');
  }

  return {
    write(release, path, suffix, bytes) {
      const slot = stagedSlot(release);
      const source = sourceOf(slot.held?.tree as ObjectId, path, suffix);
      const twin = { path: path + suffix, source, id: blobIdOf(bytes, source) };
      const to = batchFor(slot, release);
      if (isThere(to, twin)) return;
      if (to.waiting.size >= twinsMax && !to.waiting.has(twin.path)) {
        throw refused(`a release gets at most ${twinsMax} twins`, 'Write twins for fewer files.');
      }
      try {
        put(to, path, twin, bytes);
      } catch (cause) {
        throw writeFailed(twin.path, cause);
      }
    },
    isWaiting: (release) =>
      batch !== undefined && batch.waiting.size > 0 && compareReleases(batch.release, release) === 0,
    async seal(release) {
      stagedSlot(release);
      const sealed = batch;
      if (!sealed) return;
      try {
        await place(sealed, journal.state());
        sealed.waiting.clear();
      } catch (cause) {
        journal.assume(dropStaging(journal.state()));
        throw writeFailed('the twins of the release', cause);
      } finally {
        drop();
      }
    },
    drop,
  };
}

const badTwin = 'Write twins only of files of the tree, under names that the tree does not have.';

function refused(what: string, fix: string, cause?: unknown): TreecastError {
  return new TreecastError('STAGE_FAILED', what, { fix, cause });
}

function writeFailed(what: string, cause: unknown): TreecastError {
  if (cause instanceof TreecastError) return cause;
  const why = diskTroubleOf(cause) ? '' : `: ${(cause as Error).message}`;
  return refused(what + why, 'Look at the cause; then publish again.', cause);
}
