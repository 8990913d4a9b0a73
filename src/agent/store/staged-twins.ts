// Twins in `next` while a release is staged: those of changed files go, those of unchanged files stay, an author's file wins over a
// twin of its name (STG-21). Tells twins from foreign files by the trees and the records; called only in sites that have twins.

import type fs from 'node:fs';
import { emptyTreeIds, type ObjectId } from '../../model/tree.ts';
import { runInSlices, type Steps } from '../../slices/slices.ts';
import type { DirectoryHandles } from './directory-handles.ts';
import type { SyncSet } from './durability.ts';
import type { SiteContext } from './site-context.ts';
import { slotOf } from './state.ts';
import { isTouchedDirectory, type TouchedDirectory } from './touched-paths.ts';
import { type IndexDirectory, IndexGap } from './tree-index.ts';
import { fileOfTwin } from './twin-names.ts';
import type { TwinRecord } from './twin-records.ts';

export interface StagedTwins {
  /** Before a directory is removed: takes the twins out of it. */
  clearDirectory(path: string): void;
  /** Before a directory is made: a twin of that name gives way. */
  clearName(path: string): void;
  /** Looks at a name that neither the old tree nor the release has there. True when it is a twin: it stays, or was removed. */
  settle(found: FoundName): boolean;
  /** Records what the release did, durably. */
  finish(touched: TouchedDirectory): Steps;
}

export interface FoundName {
  readonly directory: string;
  readonly dirent: fs.Dirent;
  readonly base: IndexDirectory;
  readonly changes: TouchedDirectory['entries'];
}

export interface StagedTwinsOptions {
  readonly slot: number;
  readonly next: DirectoryHandles;
  readonly syncs: SyncSet;
  readonly baseTree: ObjectId;
}

/** Makes the records of `next` complete before it is written: they are those of live, of which it is made. Throws {@link IndexGap}. */
export async function knowTwinsOfNext(
  context: SiteContext,
  number: number,
  fromNothing: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { twins, journal } = context;
  const state = journal.state();
  if (!state.twins) return;
  const directory = slotOf(state, number)?.directory ?? '';
  if (fromNothing) {
    await runInSlices(twins.clear(number), signal);
    twins.mark(number, directory, true);
    return;
  }
  // Reading live again tells them.
  if (state.live === null || !twins.isKnown(state.live)) throw new IndexGap('the twins of live');
  if (!twins.isKnown(number)) await runInSlices(twins.copyAll(state.live, number, directory), signal);
}

export function createStagedTwins(
  { disk, index, twins, journal }: SiteContext,
  { slot, next, syncs, baseTree }: StagedTwinsOptions,
): StagedTwins {
  let lastDirectory: string | undefined;
  let lastRecords: ReadonlyMap<string, TwinRecord> = new Map();
  /** Twins that were made of other bytes than their file has; only a foreign hand leads to them. */
  const wrong: string[] = [];

  function recordsOf(directory: string): ReadonlyMap<string, TwinRecord> {
    if (directory !== lastDirectory) lastRecords = twins.inDirectory(slot, directory);
    lastDirectory = directory;
    return lastRecords;
  }

  function isInBase(path: string): boolean {
    return !emptyTreeIds.includes(baseTree) && index.entryOf(baseTree, path) !== undefined;
  }

  return {
    clearDirectory(path) {
      for (const dirent of disk.readdir(next.directoryPath(path))) {
        const child = `${path}/${dirent.name}`;
        if (!dirent.isFile() || fileOfTwin(dirent.name) === undefined || isInBase(child)) continue;
        disk.unlink(next.entry(child));
      }
      twins.removeDirectory(slot, path);
    },
    clearName(path) {
      if (fileOfTwin(path) === undefined || isInBase(path)) return;
      if (disk.lstat(next.entry(path))?.isFile()) disk.unlink(next.entry(path));
    },
    settle({ directory, dirent, base, changes }) {
      const { name } = dirent;
      const file = fileOfTwin(name);
      if (file === undefined || !dirent.isFile()) return false;
      const source = base.get(file);
      const change = changes.get(file);
      const isOfFile = source?.mode.startsWith('100') === true;
      if (!isOfFile && (!change || isTouchedDirectory(change))) return false;
      const path = directory === '' ? name : `${directory}/${name}`;
      if (change === undefined) {
        const record = recordsOf(directory).get(name);
        if (record && record.source === source?.id) return true;
        if (record) wrong.push(path);
      }
      disk.unlink(next.entry(path));
      syncs.directory(directory);
      return true;
    },
    *finish(touched) {
      yield* twins.remove(slot, wrong);
      yield* twins.remove(slot, goneBelow(touched, ''));
      twins.mark(slot, slotOf(journal.state(), slot)?.directory ?? '', true);
    },
  };

  /** Recorded twins of which the file was touched, or that are files of the tree now. */
  function goneBelow({ entries }: TouchedDirectory, directory: string): string[] {
    const prefix = directory === '' ? '' : `${directory}/`;
    const gone: string[] = [];
    for (const name of twins.inDirectory(slot, directory).keys()) {
      if (entries.has(name) || entries.has(fileOfTwin(name) ?? '')) gone.push(prefix + name);
    }
    for (const [name, entry] of entries) {
      if (isTouchedDirectory(entry)) for (const path of goneBelow(entry, prefix + name)) gone.push(path);
    }
    return gone;
  }
}
