// What a disk may hold after a power cut, as freely as POSIX allows: of each directory the changes since its last sync up to some point,
// of each file any of what was written since its own, none of it, or zeros of its length. Puts one such state on a real disk.

import fs from 'node:fs';
import path from 'node:path';
import type { Inode, Record } from './recording-disk.ts';

/** In [0, 1). */
export type Random = () => number;

interface Contents {
  type: 'file' | 'directory' | 'symlink';
  target: string;
  bytes: Buffer;
  mode: number;
  seconds: number | null;
}

type Names = Map<string, Inode>;

export interface DiskState {
  readonly inodes: ReadonlyMap<Inode, Contents>;
  readonly directories: ReadonlyMap<Inode, Names>;
}

/** The power goes after `cut` records. */
export function cutPower(records: readonly Record[], cut: number, random: Random): DiskState {
  const done = records.slice(0, cut);
  const isDurable = durability(done);
  const survives = chooser(done, isDurable, random);
  const inodes = new Map<Inode, Contents>();
  const directories = new Map<Inode, Names>([[0, new Map()]]);
  for (const [index, record] of done.entries()) {
    switch (record.kind) {
      case 'inode': {
        const target = record.type === 'symlink' ? record.target : '';
        const bytes = Buffer.alloc(0);
        inodes.set(record.inode, { type: record.type, target, bytes, mode: 0o600, seconds: null });
        if (record.type === 'directory') directories.set(record.inode, new Map());
        break;
      }
      case 'name':
        if (survives(index)) giveName(directories, record);
        break;
      case 'write':
      case 'size':
      case 'mode':
      case 'time': {
        const contents = inodes.get(record.inode);
        if (contents) change(contents, record, survives(index), random);
        break;
      }
      case 'sync':
      case 'mark':
        break;
    }
  }
  return { inodes, directories };
}

function giveName(
  directories: ReadonlyMap<Inode, Names>,
  { at, inode, from }: Extract<Record, { kind: 'name' }>,
): void {
  if (from) {
    const source = directories.get(from.directory);
    if (source?.get(from.name) === inode) source?.delete(from.name);
  }
  const names = directories.get(at.directory);
  if (inode === null) names?.delete(at.name);
  else names?.set(at.name, inode);
}

function change(
  contents: Contents,
  record: Extract<Record, { kind: 'write' | 'size' | 'mode' | 'time' }>,
  survives: boolean,
  random: Random,
): void {
  if (record.kind === 'write') {
    // The length may have got there without the bytes.
    if (!survives && random() < 0.5) return;
    const size = Math.max(contents.bytes.length, record.position + record.bytes.length);
    const bytes = Buffer.alloc(size);
    contents.bytes.copy(bytes);
    if (survives) record.bytes.copy(bytes, record.position);
    contents.bytes = bytes;
  } else if (!survives) return;
  else if (record.kind === 'size') {
    const bytes = Buffer.alloc(record.size);
    contents.bytes.copy(bytes);
    contents.bytes = bytes;
  } else if (record.kind === 'mode') contents.mode = record.mode;
  else contents.seconds = record.seconds;
}

/** Whether a sync that has ended covers a record. */
function durability(done: readonly Record[]): (index: number) => boolean {
  const syncedUpTo = new Map<Inode, number>();
  /** Nobody can sync a symlink: what is set of it right after it was made goes with the directory that names it. */
  const symlinks = new Map<Inode, Set<Inode>>();
  let allUpTo = 0;
  for (const record of done) {
    if (record.kind === 'inode' && record.type === 'symlink') symlinks.set(record.inode, new Set());
    if (record.kind === 'name' && record.inode !== null) symlinks.get(record.inode)?.add(record.at.directory);
    if (record.kind !== 'sync') continue;
    if (record.inode === null) allUpTo = record.begun;
    else syncedUpTo.set(record.inode, record.begun);
  }
  const upTo = (inode: Inode) => Math.max(allUpTo, syncedUpTo.get(inode) ?? 0);
  return (index) => {
    const record = done[index] as Record;
    if (record.kind === 'name') {
      // A rename is one change, whichever of its directories is synced.
      return (
        index < upTo(record.at.directory) ||
        (record.from !== undefined && index < upTo(record.from.directory))
      );
    }
    if (!('inode' in record) || record.inode === null) return false;
    const synced = symlinks.get(record.inode) ?? [record.inode];
    return [...synced].some((inode) => index < upTo(inode));
  };
}

/** Of what is not durable: names up to some point of each directory (or all, or none), anything of files. */
function chooser(
  done: readonly Record[],
  isDurable: (index: number) => boolean,
  random: Random,
): (index: number) => boolean {
  const style = random();
  const pending = new Map<Inode, number[]>();
  const chosen = new Set<number>();
  for (const [index, record] of done.entries()) {
    if (isDurable(index)) chosen.add(index);
    else if (record.kind !== 'name') {
      if (random() < 0.5) chosen.add(index);
    } else {
      const list = pending.get(record.at.directory) ?? [];
      list.push(index);
      pending.set(record.at.directory, list);
    }
  }
  for (const list of pending.values()) {
    const kept = style < 0.2 ? 0 : style < 0.4 ? list.length : Math.floor(random() * (list.length + 1));
    for (const index of list.slice(0, kept)) chosen.add(index);
  }
  return (index) => chosen.has(index);
}

/** Makes the state below a directory that is there and empty. */
export function putOnDisk({ inodes, directories }: DiskState, root: string): void {
  const made = new Map<Inode, string>();

  function fill(directory: Inode, place: string): void {
    for (const [name, inode] of directories.get(directory) ?? []) {
      const contents = inodes.get(inode);
      const file = path.join(place, name);
      const other = made.get(inode);
      if (!contents) continue;
      if (other !== undefined && contents.type !== 'directory') {
        fs.linkSync(other, file);
        continue;
      }
      if (other !== undefined) continue;
      made.set(inode, file);
      make(inode, contents, file);
    }
  }

  function make(inode: Inode, { type, target, bytes, mode, seconds }: Contents, file: string): void {
    if (type === 'symlink') {
      fs.symlinkSync(target, file);
      if (seconds !== null) fs.lutimesSync(file, seconds, seconds);
      return;
    }
    if (type === 'directory') {
      fs.mkdirSync(file);
      fill(inode, file);
    } else fs.writeFileSync(file, bytes);
    fs.chmodSync(file, mode);
    if (seconds !== null) fs.utimesSync(file, seconds, seconds);
  }

  fill(0, root);
}
