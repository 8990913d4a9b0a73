// Goes over every path of the live tree, on disk and as published, in an order that can be taken up again anywhere (STG-38), while
// anything else may go on. So what it suspects has to be checked again by whoever holds the site still; what it passes was right.

import { createInspector } from './inspect-entry.ts';
import { createLiveHandles, type LiveHandles } from './live-handles.ts';
import { isTooLong } from './long-path.ts';
import type { SiteContext } from './site-context.ts';
import { type Slot, slotOf } from './state.ts';
import { directoryMode, IndexGap } from './tree-index.ts';
import { wantedAt } from './wanted-entry.ts';

export interface Visit {
  readonly path: string;
  readonly isSuspect: boolean;
}

export interface WalkOptions {
  /** The last path that was visited, of an earlier walk; null: from the beginning. */
  readonly after: string | null;
  readonly isIgnored: (path: string) => boolean;
  /** Called for every entry (with 0) and whenever bytes were read; what it returns is waited for. */
  readonly onRead: (bytes: number) => Promise<void> | undefined;
  readonly signal: AbortSignal;
}

export async function* walkLive(context: SiteContext, options: WalkOptions): AsyncGenerator<Visit> {
  const handles = createLiveHandles(context.disk);
  try {
    yield* walk(context, handles, options);
  } finally {
    handles.close();
  }
}

/** A directory that the walk is in, and what is left of it. */
interface Level {
  readonly path: string;
  readonly names: readonly string[];
  next: number;
  /** The path of an earlier walk to take up, from here. */
  readonly resume: readonly string[];
}

async function* walk(
  context: SiteContext,
  handles: LiveHandles,
  options: WalkOptions,
): AsyncGenerator<Visit> {
  const { disk, journal, layout, index, twins } = context;
  const { isIgnored, onRead, signal } = options;
  const inspector = createInspector({ disk, modes: context.modes(), onRead, signal });

  function liveSlot(): Slot | undefined {
    const live = slotOf(journal.state(), journal.state().live);
    return live?.held ? live : undefined;
  }

  /** Names in a directory, on disk or in the tree, sorted; none where it is neither. */
  function namesIn(path: string): string[] {
    const live = liveSlot();
    if (!live) return [];
    const names = new Set<string>();
    const wanted = wantedAt(context, live, path);
    if (wanted?.mode === directoryMode)
      for (const name of index.directory(wanted.id)?.keys() ?? []) names.add(name);
    if (journal.state().twins) for (const name of twins.inDirectory(live.slot, path).keys()) names.add(name);
    try {
      const directory = handles.directoryPath(layout.tree(live.directory), path);
      for (const { name } of disk.readdir(directory)) names.add(name);
    } catch {
      // No directory, or one that cannot be read: its own visit tells, and so do those of what should be in it.
    }
    return [...names].sort();
  }

  async function isSuspect(path: string): Promise<boolean> {
    const live = liveSlot();
    if (!live) return false;
    try {
      const wanted = wantedAt(context, live, path);
      const entry = handles.entryIfParent(layout.tree(live.directory), path);
      return (await inspector.problemWith(entry, wanted, isTooLong(path))) !== undefined;
    } catch (error) {
      if (error instanceof IndexGap) return false;
      if (signal.aborted || (error as NodeJS.ErrnoException).code === undefined) throw error;
      return true;
    }
  }

  function isDirectory(path: string): boolean {
    const live = liveSlot();
    if (!live || isTooLong(path)) return false;
    try {
      if (wantedAt(context, live, path)?.mode === directoryMode) return true;
      const entry = handles.entryIfParent(layout.tree(live.directory), path);
      return entry !== undefined && disk.lstat(entry)?.isDirectory() === true;
    } catch {
      return false;
    }
  }

  function enter(path: string, resume: readonly string[]): Level {
    try {
      return { path, names: namesIn(path), next: 0, resume };
    } catch (error) {
      if (error instanceof IndexGap) return { path, names: [], next: 0, resume };
      throw error;
    }
  }

  if (options.after === null) yield { path: '', isSuspect: await isSuspect('') };
  const levels = [enter('', options.after ? options.after.split('/') : [])];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const name = level.names[level.next++];
    if (name === undefined) {
      levels.pop();
      continue;
    }
    const [from] = level.resume;
    if (from !== undefined && name < from) continue;
    const child = level.path === '' ? name : `${level.path}/${name}`;
    if (isIgnored(child)) continue;
    const wait = onRead(0);
    if (wait) await wait;
    const isResumed = name === from;
    if (!isResumed) yield { path: child, isSuspect: await isSuspect(child) };
    if (isDirectory(child)) levels.push(enter(child, isResumed ? level.resume.slice(1) : []));
  }
}
