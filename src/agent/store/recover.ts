// Start-up: makes sense of what a crash or power cut left. The symlink says what is live; the journal is bent to it; a staging that
// was not complete is forgotten (its lag remains); names that nobody knows become trash (STG-15 to STG-18).

import type { ObjectIdLength } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Disk } from './disk.ts';
import { parseJournal } from './journal.ts';
import { emptyLag } from './lag.ts';
import { directoryOfLiveTarget, type Layout, trashPrefix, workName } from './layout.ts';
import { readIntoIndex } from './maintenance.ts';
import { dropStaging, emptyState, moveLive, releaseOfDirectory, type State } from './state.ts';
import type { TreeIndex } from './tree-index.ts';
import { recordedTwins } from './twin-reading.ts';
import type { TwinRecords } from './twin-records.ts';

export interface Recovered {
  readonly state: State;
  /** Whether the journal has to be written anew: what the state was rebuilt from may be gone the next time. */
  readonly isRebuilt: boolean;
  /** Names in `trees/` to be removed. */
  readonly trash: readonly string[];
}

export interface RecoverOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  /** The same as paths for people. */
  readonly paths: Layout;
  readonly index: TreeIndex;
  readonly twins: TwinRecords;
  readonly site: string;
  /** Text of state.json; undefined when there is none. */
  readonly journal: string | undefined;
  /** Of the site's repository, for reading a tree without a journal. */
  readonly hexLength: ObjectIdLength;
}

export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { disk, layout, paths } = options;
  const names = new Set(disk.readdir(layout.trees).map(({ name }) => name));
  const live = liveDirectory(disk, layout, paths, names);
  const written = readState(options.journal, options.site);
  const settled = written && settle(written, names, live);
  const state = settled ?? (await rebuildState(options, live, written));
  const known = new Set(state.slots.map((slot) => slot.directory));
  const trash = [...names].filter((name) => name !== workName && !known.has(name));
  return {
    state,
    isRebuilt: settled === undefined && live !== null,
    trash: trash.map((name) => moveToTrash(disk, layout, name)),
  };
}

/** The directory that the symlink names; null before the first switch. */
function liveDirectory(disk: Disk, layout: Layout, paths: Layout, names: ReadonlySet<string>): string | null {
  const target = disk.readlink(layout.live);
  if (target === undefined) {
    if (!disk.lstat(layout.live)) return null;
    throw stateCorrupt(paths, 'it is no symlink');
  }
  const directory = directoryOfLiveTarget(target);
  if (directory === undefined) throw stateCorrupt(paths, `it points to ${target}`);
  if (!names.has(directory)) throw stateCorrupt(paths, `it points to ${target}, which is missing`);
  return directory;
}

function stateCorrupt(layout: Layout, what: string): TreecastError {
  return new TreecastError('STATE_CORRUPT', `${layout.live} is not as the agent left it: ${what}`, {
    fix: `Put it back, or remove ${layout.site} while the agent is stopped: the CCM then sends the whole site again.`,
  });
}

/** Undefined when there is no journal that can be understood. */
function readState(text: string | undefined, site: string): State | undefined {
  if (text === undefined) return undefined;
  try {
    return parseJournal(text, site);
  } catch (error) {
    if (error instanceof TreecastError && error.code === 'STATE_CORRUPT') return undefined;
    throw error;
  }
}

/** STG-18: without a journal that fits only the live tree is believed, after reading every byte of it; the others are thrown away. */
async function rebuildState(
  { disk, layout, index, twins, site, hexLength }: RecoverOptions,
  live: string | null,
  written: State | undefined,
): Promise<State> {
  const state: State = { ...emptyState(site), lastDecision: written?.lastDecision ?? null };
  const release = live === null ? undefined : releaseOfDirectory(live);
  if (live === null || !release) return state;
  // The records know the slot by the name it was staged under; without them a twin is a file of the tree like any other.
  const known = disk.lstat(layout.twins) ? twins.slotAt(live) : undefined;
  const twinsIn = known && recordedTwins(twins, known.slot);
  const tree = await readIntoIndex(index, { disk, root: layout.tree(live), hexLength, twinsIn });
  const number = known?.slot ?? 1;
  const slot = {
    slot: number,
    directory: live,
    formerDirectory: null,
    served: true,
    held: { release, tree },
    lag: emptyLag,
    commands: null,
  };
  return {
    ...state,
    slots: [slot],
    live: number,
    executed: state.lastDecision?.toTree === tree,
    twins: known !== undefined,
    nextNumber: known?.nextNumber ?? 2,
  };
}

/** Undefined when journal and symlink cannot be brought together. */
function settle(written: State, names: ReadonlySet<string>, live: string | null): State | undefined {
  let state = whereSlotsAre(written, names);
  // STG-15: a staging that was not complete is undone; its slot keeps the lag.
  if (state.staging && !state.staging.complete) state = dropStaging(state);
  return followSymlink(state, live);
}

/** STG-5: a slot is under its new or its former name; one that is under neither is no more. */
function whereSlotsAre(written: State, names: ReadonlySet<string>): State {
  const slots = written.slots.flatMap((slot) => {
    if (slot.formerDirectory !== null && names.has(slot.formerDirectory)) {
      // The rename did not happen. Whether that name was live is not known any more: it is treated as if it was.
      return [{ ...slot, directory: slot.formerDirectory, formerDirectory: null, served: true }];
    }
    return names.has(slot.directory) ? [{ ...slot, formerDirectory: null }] : [];
  });
  const has = (number: number | null | undefined) => slots.some(({ slot }) => slot === number);
  return {
    ...written,
    slots,
    live: has(written.live) ? written.live : null,
    backup: has(written.backup) ? written.backup : null,
    staging: has(written.staging?.slot) ? written.staging : null,
  };
}

/** STG-16: when only one of symlink and journal was written, live is what the symlink says, and the lags move with it. */
function followSymlink(state: State, live: string | null): State | undefined {
  if (live === null) {
    // Nothing is served. A tree that was live can be switched to again, as a backup can.
    return { ...state, live: null, backup: state.live, executed: false };
  }
  const actual = state.slots.find(({ directory }) => directory === live);
  if (!actual?.held) return undefined;
  if (actual.slot === state.live) return state;
  const moved = moveLive(state, actual.slot, actual.held.release);
  return { ...moved, executed: moved.lastDecision?.toTree === actual.held.tree };
}

/** Away from the names that slots may take. */
function moveToTrash(disk: Disk, layout: Layout, name: string): string {
  if (name.startsWith(trashPrefix)) return name;
  const trash = `${trashPrefix}${name}-${process.hrtime.bigint()}`;
  try {
    disk.rename(layout.tree(name), layout.tree(trash));
  } catch {
    // Immutable, or on a read-only file system: whoever takes a name keeps clear of it (directoryForRelease).
    return name;
  }
  failpoint('agent.site.stranger-set-aside');
  return trash;
}
