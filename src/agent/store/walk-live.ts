// Goes over every path of the live tree, on disk and as published, in an order that can be taken up again anywhere (STG-38), while
// anything else may go on. So what it suspects has to be checked again by whoever holds the site still; what it passes was right.

import { createDirectoryHandles, type DirectoryHandles } from './directory-handles.ts';
import { createInspector } from './inspect-entry.ts';
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
    const handles = createDirectoryHandles(disk, layout.tree(live.directory));
    try {
      for (const { name } of disk.readdir(handles.directoryPath(path))) names.add(name);
    } catch {
      // No directory, or one that cannot be read: its own visit tells, and so do those of what should be in it.
    } finally {
      handles.close();
    }
    return [...names].sort();
  }

  async function isSuspect(path: string): Promise<boolean> {
    const live = liveSlot();
    if (!live) return false;
    let handles: DirectoryHandles | undefined;
    try {
      const wanted = wantedAt(context, live, path);
      const root = layout.tree(live.directory);
      handles = createDirectoryHandles(disk, root);
      const entry = path === '' ? root : handles.entryIfParent(path);
      return (await inspector.problemWith(entry, wanted)) !== undefined;
    } catch (error) {
      if (error instanceof IndexGap) return false;
      if (signal.aborted || (error as NodeJS.ErrnoException).code === undefined) throw error;
      return true;
    } finally {
      handles?.close();
    }
  }

  function isDirectory(path: string): boolean {
    const live = liveSlot();
    if (!live) return false;
    const handles = createDirectoryHandles(disk, layout.tree(live.directory));
    try {
      if (wantedAt(context, live, path)?.mode === directoryMode) return true;
      const entry = handles.entryIfParent(path);
      return entry !== undefined && disk.lstat(entry)?.isDirectory() === true;
    } catch {
      return false;
    } finally {
      handles.close();
    }
  }

  async function* below(path: string, resume: readonly string[]): AsyncGenerator<Visit> {
    const [from, ...rest] = resume;
    for (const name of namesOrNone(path)) {
      if (from !== undefined && name < from) continue;
      const child = path === '' ? name : `${path}/${name}`;
      if (isIgnored(child)) continue;
      const wait = onRead(0);
      if (wait) await wait;
      const isResumed = name === from;
      if (!isResumed) yield { path: child, isSuspect: await isSuspect(child) };
      if (isDirectory(child)) yield* below(child, isResumed ? rest : []);
    }
  }

  function namesOrNone(path: string): string[] {
    try {
      return namesIn(path);
    } catch (error) {
      if (error instanceof IndexGap) return [];
      throw error;
    }
  }

  if (options.after === null) yield { path: '', isSuspect: await isSuspect('') };
  yield* below('', options.after === null || options.after === '' ? [] : options.after.split('/'));
}
