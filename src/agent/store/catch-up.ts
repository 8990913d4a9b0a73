// Makes lag paths of a tree equal to live, in either direction, by hard links and removals: no file contents move (STG-3).
// Works on a slot that nobody serves; may be interrupted at any step and done again.

import type fs from 'node:fs';
import type { Steps } from '../../slices/slices.ts';
import { type DirectoryHandles, parentOf } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { SyncSet } from './durability.ts';
import { isOwnedBy, type Owner } from './owner.ts';
import { removeDirectory } from './removal.ts';

export interface CatchUpTools {
  readonly disk: Disk;
  readonly live: DirectoryHandles;
  readonly next: DirectoryHandles;
  /** Takes note of the directories whose entries changed. */
  readonly syncs: SyncSet;
  /** Of the directories that are made; links have their own. Null: the agent's own. */
  readonly owner: Owner | null;
}

export function* catchUp(tools: CatchUpTools, paths: Iterable<string>): Steps {
  const missing: string[] = [];
  // Removals first, so that what a staging that failed on a full disk has written gives the room for the links.
  for (const path of (yield* byDepth(paths)).flat()) {
    const found = compare(tools, path);
    if (found === 'directory') {
      yield* removeDirectory(tools.disk, tools.next, path);
      tools.syncs.forget(path);
    } else if (found === 'other') {
      tools.disk.unlink(tools.next.entry(path));
    }
    if (found !== 'equal') missing.push(path);
    // Also where nothing differs: a process that died after the change had not made it durable (STG-3).
    if (tools.next.entryIfParent(path) !== undefined) tools.syncs.directory(parentOf(path));
    yield;
  }
  for (const path of missing) {
    make(tools, path);
    yield;
  }
}

/** Parents come before what is below them; sorting the paths of a large release would hold the event loop for seconds. */
function* byDepth(paths: Iterable<string>): Steps<string[][]> {
  const levels: string[][] = [];
  for (const path of paths) {
    let depth = 0;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) depth++;
    while (levels.length <= depth) levels.push([]);
    levels[depth]?.push(path);
    yield;
  }
  return levels;
}

/** What of `next` is in the way at this path: nothing because it is as in live, a directory, another entry, or nothing at all. */
function compare(tools: CatchUpTools, path: string): 'equal' | 'directory' | 'other' | 'missing' {
  const wanted = statOf(tools.disk, tools.live, path);
  const present = statOf(tools.disk, tools.next, path);
  if (!present) return wanted ? 'missing' : 'equal';
  if (present.isDirectory()) {
    if (!wanted?.isDirectory()) return 'directory';
    // A crash may have come between making the directory and giving it its mode and owner.
    if (present.mode !== wanted.mode || !isOwnedBy(present, tools.owner)) setFacts(tools, path, wanted.mode);
    return 'equal';
  }
  return present.ino === wanted?.ino && present.dev === wanted.dev ? 'equal' : 'other';
}

/** Where `next` has nothing. */
function make(tools: CatchUpTools, path: string): void {
  const { disk, live, next, syncs } = tools;
  const wanted = statOf(disk, live, path);
  if (!wanted) return;
  makeParents(tools, path);
  // Below a path that was made as somebody's parent it may be there by now.
  if (statOf(disk, next, path)) return;
  if (wanted.isDirectory()) makeDirectory(tools, path, wanted.mode);
  else disk.link(live.entry(path), next.entry(path));
  syncs.directory(parentOf(path));
}

function makeParents(tools: CatchUpTools, path: string): void {
  const parent = parentOf(path);
  if (parent === '' || tools.next.entryIfParent(path) !== undefined) return;
  makeParents(tools, parent);
  const wanted = statOf(tools.disk, tools.live, parent);
  if (statOf(tools.disk, tools.next, parent)) tools.disk.unlink(tools.next.entry(parent));
  makeDirectory(tools, parent, wanted?.mode ?? 0o755);
  tools.syncs.directory(parentOf(parent));
}

function makeDirectory(tools: CatchUpTools, path: string, mode: number): void {
  tools.disk.mkdir(tools.next.entry(path), 0o700);
  setFacts(tools, path, mode);
}

function setFacts({ disk, next, syncs, owner }: CatchUpTools, path: string, mode: number): void {
  disk.chmod(next.directory(path), mode & 0o7777);
  if (owner) disk.chown(next.directory(path), owner);
  syncs.directory(path);
}

function statOf(disk: Disk, handles: DirectoryHandles, path: string): fs.Stats | undefined {
  const entry = handles.entryIfParent(path);
  return entry === undefined ? undefined : disk.lstat(entry);
}
