// A published tree as a plain map, for tests and benches: its Git tree id, how it is read back from disk, and the commands that
// turn one into another. Independent of the planner and of the store, so that a mistake there cannot hide here.

import fs from 'node:fs';
import path from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import type { CommandInput } from '../../../assignment/encode-assignment.ts';
import { blobIdOf, type DirectoryEntry, treeIdOf } from '../../../assignment/object-id.ts';
import type { FileMode, ObjectId } from '../../../model/tree.ts';

export interface ModelFile {
  readonly mode: FileMode;
  readonly bytes: Buffer;
  readonly mtime: number;
}

export interface ModelLink {
  readonly mode: '120000';
  readonly bytes: Buffer;
  readonly mtime: number;
}

export type ModelEntry = ModelFile | ModelLink;
export type ModelTree = ReadonlyMap<string, ModelEntry>;

export function modelFile(text: string | Buffer, mtime: number, mode: FileMode = '100644'): ModelFile {
  return { mode, bytes: Buffer.from(text), mtime };
}

export function modelLink(target: string, mtime: number): ModelLink {
  return { mode: '120000', bytes: Buffer.from(target), mtime };
}

export function modelTreeId(tree: ModelTree): ObjectId {
  interface Directory {
    readonly entries: Map<string, Directory | DirectoryEntry>;
  }
  const root: Directory = { entries: new Map() };
  for (const [file, entry] of tree) {
    const names = file.split('/');
    const name = names.pop() as string;
    let at = root;
    for (const directory of names) {
      const next = at.entries.get(directory);
      const child: Directory = next && 'entries' in next ? next : { entries: new Map() };
      at.entries.set(directory, child);
      at = child;
    }
    at.entries.set(name, { name, mode: entry.mode, id: blobIdOf(entry.bytes) });
  }
  const idOf = ({ entries }: Directory): ObjectId =>
    treeIdOf(
      [...entries].map(([name, child]) =>
        'entries' in child ? { name, mode: '40000', id: idOf(child) } : child,
      ),
    );
  return idOf(root);
}

/** Every directory of the tree, parents first. */
export function directoriesOf(tree: ModelTree): string[] {
  const found = new Set<string>();
  for (const file of tree.keys()) {
    for (let at = path.posix.dirname(file); at !== '.'; at = path.posix.dirname(at)) found.add(at);
  }
  return [...found].sort();
}

/** Everything below a directory on disk, with modes as permission bits; directories appear as `{ mode }` under `path/`. */
export function readDisk(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const read = (directory: string): void => {
    for (const dirent of fs.readdirSync(path.join(root, directory), { withFileTypes: true })) {
      const name = path.posix.join(directory, dirent.name);
      const absolute = path.join(root, name);
      const { mode, mtimeMs } = fs.lstatSync(absolute);
      const permissions = (mode & 0o7777).toString(8);
      if (dirent.isDirectory()) {
        found.set(`${name}/`, permissions);
        read(name);
      } else if (dirent.isSymbolicLink()) {
        found.set(name, `link ${mtimeMs / 1000} ${fs.readlinkSync(absolute)}`);
      } else {
        found.set(name, `${permissions} ${mtimeMs / 1000} ${blobIdOf(fs.readFileSync(absolute))}`);
      }
    }
  };
  read('');
  return found;
}

/** What {@link readDisk} must find for a tree under the default policy. */
export function expectedOnDisk(tree: ModelTree): Map<string, string> {
  const expected = new Map<string, string>();
  for (const directory of directoriesOf(tree)) expected.set(`${directory}/`, '755');
  for (const [name, { mode, bytes, mtime }] of tree) {
    if (mode === '120000') expected.set(name, `link ${mtime} ${bytes}`);
    else expected.set(name, `${mode === '100755' ? '755' : '644'} ${mtime} ${blobIdOf(bytes)}`);
  }
  return expected;
}

/** Commands from `base` to `target` in the planner's order: what stands in the way, directories, files, symlinks, deletes. */
export function commandsBetween(base: ModelTree, target: ModelTree): CommandInput[] {
  const baseDirectories = new Set(directoriesOf(base));
  const targetDirectories = new Set(directoriesOf(target));
  const isBelowLeaf = (name: string): boolean => {
    for (let at = path.posix.dirname(name); at !== '.'; at = path.posix.dirname(at)) {
      if (target.has(at)) return true;
    }
    return false;
  };
  const first: CommandInput[] = [];
  const last: CommandInput[] = [];
  for (const name of base.keys()) {
    if (target.has(name)) continue;
    const early = targetDirectories.has(name) || isBelowLeaf(name);
    (early ? first : last).push({ command: { do: 'remove', path: name } });
  }
  for (const name of [...baseDirectories].sort().reverse()) {
    if (targetDirectories.has(name)) continue;
    const early = target.has(name) || isBelowLeaf(name);
    (early ? first : last).push({ command: { do: 'rmdir', path: name } });
  }
  for (const name of targetDirectories) {
    if (!baseDirectories.has(name)) first.push({ command: { do: 'mkdir', path: name } });
  }
  for (const [name, entry] of target) {
    const before = base.get(name);
    if (before && before.mode === entry.mode && before.bytes.equals(entry.bytes)) continue;
    first.push(commandFor(base, name, entry, before));
  }
  return [...first, ...last];
}

/** The kinds of command and codec alternate by size, so that a random tree meets all of them. */
function commandFor(
  base: ModelTree,
  name: string,
  entry: ModelEntry,
  before: ModelEntry | undefined,
): CommandInput {
  const { mtime } = entry;
  if (entry.mode === '120000') {
    return { command: { do: 'symlink', path: name, target: entry.bytes.toString(), mtime } };
  }
  if (before && before.mode !== '120000' && before.bytes.equals(entry.bytes)) {
    return { command: { do: 'mode', path: name, mode: entry.mode, mtime } };
  }
  const facts = {
    path: name,
    mode: entry.mode,
    blob: blobIdOf(entry.bytes),
    size: entry.bytes.length,
    mtime,
  };
  const twin = [...base].find(([, { mode, bytes }]) => mode !== '120000' && bytes.equals(entry.bytes));
  if (twin) return { command: { do: 'copy', ...facts, from: twin[0] } };
  if (before && before.mode !== '120000' && before.bytes.length > 0) {
    return {
      command: { do: 'patch', ...facts, from: name, base: blobIdOf(before.bytes) },
      payload: {
        codec: 'zstd-base',
        cipher: 'aes-256-gcm',
        bytes: zstdCompressSync(entry.bytes, { dictionary: before.bytes }),
      },
    };
  }
  const isOdd = entry.bytes.length % 2 === 1;
  return {
    command: { do: 'write', ...facts },
    payload: {
      codec: isOdd ? 'zstd' : 'store',
      cipher: isOdd ? 'aes-256-gcm' : 'none',
      bytes: isOdd ? zstdCompressSync(entry.bytes) : entry.bytes,
    },
  };
}
