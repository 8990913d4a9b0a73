// Makes lag paths of a tree equal to live, in either direction, by hard links and removals: no file contents move (STG-3).
// Works on a slot that nobody serves; may be interrupted at any step and done again.

import type fs from 'node:fs';
import { type DirectoryHandles, parentOf } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { SyncSet } from './durability.ts';
import { removeDirectory } from './removal.ts';
import type { Steps } from './slices.ts';

export interface CatchUpTools {
  readonly disk: Disk;
  readonly live: DirectoryHandles;
  readonly next: DirectoryHandles;
  /** Takes note of the directories whose entries changed. */
  readonly syncs: SyncSet;
  /** A fresh absolute name outside the trees for a link that is about to replace an entry. */
  readonly temporary: () => string;
}

export function* catchUp(tools: CatchUpTools, paths: Iterable<string>): Steps {
  // Parents sort before what is below them.
  for (const path of [...paths].sort()) {
    if (catchUpOne(tools, path) === 'blocked') {
      yield* removeDirectory(tools.disk, tools.next, path);
      tools.syncs.forget(path);
      tools.syncs.directory(parentOf(path));
      catchUpOne(tools, path);
    }
    yield;
  }
}

/** `blocked`: `next` has a directory where live has none. */
function catchUpOne(tools: CatchUpTools, path: string): 'done' | 'blocked' {
  const { disk, live, next, syncs } = tools;
  const source = live.entryIfParent(path);
  const wanted = source === undefined ? undefined : disk.lstat(source);
  const target = next.entryIfParent(path);
  const present = target === undefined ? undefined : disk.lstat(target);
  if (present?.isDirectory()) {
    if (!wanted?.isDirectory()) return 'blocked';
    // A crash may have come between making the directory and giving it its mode.
    if (present.mode !== wanted.mode) setMode(tools, path, wanted.mode);
    return 'done';
  }
  if (!wanted || source === undefined) {
    if (!present) return 'done';
    disk.unlink(next.entry(path));
  } else if (wanted.isDirectory()) {
    if (present) disk.unlink(next.entry(path));
    else if (target === undefined) makeParents(tools, path);
    makeDirectory(tools, path, wanted.mode);
  } else if (!present) {
    if (target === undefined) makeParents(tools, path);
    disk.link(source, next.entry(path));
  } else if (present.ino !== wanted.ino || present.dev !== wanted.dev) {
    const temporary = tools.temporary();
    disk.link(source, temporary);
    disk.rename(temporary, next.entry(path));
  } else {
    return 'done';
  }
  syncs.directory(parentOf(path));
  return 'done';
}

function makeParents(tools: CatchUpTools, path: string): void {
  const parent = parentOf(path);
  if (parent === '' || tools.next.entryIfParent(`${parent}/x`) !== undefined) return;
  makeParents(tools, parent);
  const wanted = statOf(tools.disk, tools.live, parent);
  if (statOf(tools.disk, tools.next, parent)) tools.disk.unlink(tools.next.entry(parent));
  makeDirectory(tools, parent, wanted?.mode ?? 0o755);
  tools.syncs.directory(parentOf(parent));
}

function makeDirectory(tools: CatchUpTools, path: string, mode: number): void {
  tools.disk.mkdir(tools.next.entry(path), 0o700);
  setMode(tools, path, mode);
}

function setMode({ disk, next, syncs }: CatchUpTools, path: string, mode: number): void {
  disk.chmod(next.directory(path), mode & 0o7777);
  syncs.directory(path);
}

function statOf(disk: Disk, handles: DirectoryHandles, path: string): fs.Stats | undefined {
  const entry = handles.entryIfParent(path);
  return entry === undefined ? undefined : disk.lstat(entry);
}
