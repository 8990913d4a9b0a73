// Which files of a tree that is read whole are twins, and recording them anew when the records were lost (STG-23).

import type fs from 'node:fs';
import type { ObjectId } from '../../model/tree.ts';
import { runInSlices } from '../../slices/slices.ts';
import type { SiteContext } from './site-context.ts';
import type { Slot } from './state.ts';
import { IndexGap, type TreeIndex } from './tree-index.ts';
import type { DirectoryReading } from './tree-reader.ts';
import { fileOfTwin } from './twin-names.ts';
import type { PlacedTwin, TwinRecords } from './twin-records.ts';

/** Names of the files of one directory that are twins. */
export type TwinsIn = (directory: string, dirents: readonly fs.Dirent[]) => ReadonlySet<string>;

export function recordedTwins(twins: TwinRecords, slot: number): TwinsIn {
  return (directory) => new Set(twins.inDirectory(slot, directory).keys());
}

/** Without records: what is named like a twin, lies beside its file and, where its directory object is here, is not in the tree. */
export function likelyTwins(index: TreeIndex, tree: ObjectId): TwinsIn {
  return (directory, dirents) => {
    const files = new Set(dirents.filter((dirent) => dirent.isFile()).map(({ name }) => name));
    const likely = [...files].filter((name) => files.has(fileOfTwin(name) ?? ''));
    return new Set(likely.filter((name) => !isInTree(directory === '' ? name : `${directory}/${name}`)));
  };

  function isInTree(path: string): boolean {
    try {
      return index.entryOf(tree, path) !== undefined;
    } catch (error) {
      if (error instanceof IndexGap) return false;
      throw error;
    }
  }
}

const foundAtOnce = 1000;

export interface TwinRecorder {
  readonly twinsIn: TwinsIn;
  add(reading: DirectoryReading): void;
  /** Call when the tree turned out to be the right one: what was read counts as recorded. */
  finish(): void;
}

/** Records the twins of live while it is read whole; undefined when they are known, or there are none. */
export async function createTwinRecorder(
  { index, twins, journal }: SiteContext,
  { slot, directory, held }: Slot,
  signal: AbortSignal | undefined,
): Promise<TwinRecorder | undefined> {
  if (!journal.state().twins || twins.isKnown(slot) || !held) return undefined;
  await runInSlices(twins.clear(slot), signal);
  twins.mark(slot, directory, false);
  const found: PlacedTwin[] = [];
  return {
    twinsIn: likelyTwins(index, held.tree),
    add(reading) {
      for (const twin of placedTwins(reading)) found.push(twin);
      if (found.length >= foundAtOnce) twins.putNow(slot, found.splice(0));
    },
    finish() {
      twins.putNow(slot, found.splice(0));
      twins.mark(slot, directory, true);
    },
  };
}

function placedTwins({ path, entries, twins }: DirectoryReading): PlacedTwin[] {
  if (twins.length === 0) return [];
  const sources = new Map(entries.map(({ name, id }) => [name, id]));
  return twins.flatMap(({ name, id }) => {
    const source = sources.get(fileOfTwin(name) ?? '');
    return source === undefined ? [] : [{ path: path === '' ? name : `${path}/${name}`, source, id }];
  });
}
