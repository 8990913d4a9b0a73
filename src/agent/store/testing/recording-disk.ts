// A disk that writes down what is done to it below one directory, inode by inode, so that a power cut can be played at any point of it
// (power-cut.ts). What SQLite writes does not go through it.

import fs from 'node:fs';
import path from 'node:path';
import { createDisk, type Disk } from '../disk.ts';

/** Numbers of inodes; the directory itself is 0, and empty at first. */
export type Inode = number;

interface Place {
  readonly directory: Inode;
  readonly name: string;
}

/** What happened to a directory: with `from`, a rename. `inode` null: the name is gone. */
interface NameChange {
  readonly kind: 'name';
  readonly at: Place;
  readonly inode: Inode | null;
  readonly from?: Place;
}

export type Record =
  | { readonly kind: 'inode'; readonly inode: Inode; readonly type: 'file' | 'directory' }
  | { readonly kind: 'inode'; readonly inode: Inode; readonly type: 'symlink'; readonly target: string }
  | NameChange
  | { readonly kind: 'write'; readonly inode: Inode; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'size'; readonly inode: Inode; readonly size: number }
  | { readonly kind: 'mode'; readonly inode: Inode; readonly mode: number }
  | { readonly kind: 'time'; readonly inode: Inode; readonly seconds: number }
  /** Ended; `begun` is the number of records when it began: those before are durable. Null: of the whole file system. */
  | { readonly kind: 'sync'; readonly inode: Inode | null; readonly begun: number }
  /** What the test says has been told to others. */
  | { readonly kind: 'mark'; readonly text: string };

export interface RecordingDisk {
  readonly disk: Disk;
  readonly records: Record[];
  /** From the first record that this says it of the process is dead: nothing more can be done. */
  dieAfter(isLast: (record: Record) => boolean): void;
  /** The next process. */
  revive(): void;
}

export function createRecordingDisk(root: string): RecordingDisk {
  const plain = createDisk();
  const records: Record[] = [];
  const known = new Map<number, Inode>([[fs.statSync(root).ino, 0]]);
  let next = 1;
  let isLast: ((record: Record) => boolean) | null = null;
  let isDead = false;

  function put(...more: readonly Record[]): void {
    records.push(...more);
    if (isLast && more.some(isLast)) isDead = true;
  }

  function alive(): void {
    if (isDead) throw new Error('the process is dead');
  }

  const inodeOf = (ino: number | undefined) => (ino === undefined ? undefined : known.get(ino));
  const ofFd = (fd: number) => inodeOf(fs.fstatSync(fd).ino);

  function placeOf(file: string): Place | undefined {
    const directory = inodeOf(fs.statSync(path.dirname(file)).ino);
    return directory === undefined ? undefined : { directory, name: path.basename(file) };
  }

  function created(file: string, type: 'file' | 'directory' | 'symlink'): void {
    const at = placeOf(file);
    if (!at) return;
    const { ino, mode } = fs.lstatSync(file);
    const inode = next++;
    known.set(ino, inode);
    if (type === 'symlink') put({ kind: 'inode', inode, type, target: fs.readlinkSync(file) });
    else put({ kind: 'inode', inode, type }, { kind: 'mode', inode, mode: mode & 0o7777 });
    put({ kind: 'name', at, inode });
  }

  /** Its number may be given again. */
  function forgetIfLast(stat: fs.Stats | undefined): void {
    if (stat && (stat.isDirectory() || stat.nlink === 1)) known.delete(stat.ino);
  }

  function gone(file: string, remove: () => void): void {
    alive();
    const at = placeOf(file);
    const stat = fs.lstatSync(file, { throwIfNoEntry: false });
    remove();
    forgetIfLast(stat);
    if (at) put({ kind: 'name', at, inode: null });
  }

  async function synced(fd: number, sync: () => Promise<void>): Promise<void> {
    alive();
    const begun = records.length;
    const inode = ofFd(fd);
    await sync();
    if (inode !== undefined) put({ kind: 'sync', inode, begun });
  }

  function note(inode: Inode | undefined, record: (inode: Inode) => Record): void {
    if (inode !== undefined) put(record(inode));
  }

  const disk: Disk = {
    ...plain,
    open(file, flags, mode) {
      const before = fs.lstatSync(file, { throwIfNoEntry: false });
      if ((flags & fs.constants.O_CREAT) !== 0) alive();
      const fd = plain.open(file, flags, mode);
      if ((flags & fs.constants.O_CREAT) !== 0 && !before) created(file, 'file');
      else if ((flags & fs.constants.O_TRUNC) !== 0)
        note(ofFd(fd), (inode) => ({ kind: 'size', inode, size: 0 }));
      return fd;
    },
    write(fd, bytes, position) {
      alive();
      plain.write(fd, bytes, position);
      note(ofFd(fd), (inode) => ({ kind: 'write', inode, position, bytes: Buffer.from(bytes) }));
    },
    truncate(fd, size) {
      alive();
      plain.truncate(fd, size);
      note(ofFd(fd), (inode) => ({ kind: 'size', inode, size }));
    },
    chmod(fd, mode) {
      alive();
      plain.chmod(fd, mode);
      note(ofFd(fd), (inode) => ({ kind: 'mode', inode, mode }));
    },
    touch(fd, seconds) {
      alive();
      plain.touch(fd, seconds);
      note(ofFd(fd), (inode) => ({ kind: 'time', inode, seconds }));
    },
    touchLink(file, seconds) {
      alive();
      plain.touchLink(file, seconds);
      note(inodeOf(fs.lstatSync(file).ino), (inode) => ({ kind: 'time', inode, seconds }));
    },
    rename: (from, to) => {
      alive();
      const [source, target] = [placeOf(from), placeOf(to)];
      const replaced = fs.lstatSync(to, { throwIfNoEntry: false });
      plain.rename(from, to);
      const stat = fs.lstatSync(to);
      if (replaced?.ino !== stat.ino) forgetIfLast(replaced);
      const inode = inodeOf(stat.ino);
      if (source && target && inode !== undefined) put({ kind: 'name', at: target, inode, from: source });
    },
    link(existing, file) {
      alive();
      plain.link(existing, file);
      const at = placeOf(file);
      const inode = inodeOf(fs.lstatSync(file).ino);
      if (at && inode !== undefined) put({ kind: 'name', at, inode });
    },
    symlink(target, file) {
      alive();
      plain.symlink(target, file);
      created(file, 'symlink');
    },
    mkdir(file, mode) {
      alive();
      plain.mkdir(file, mode);
      created(file, 'directory');
    },
    unlink: (file) => gone(file, () => plain.unlink(file)),
    rmdir: (file) => gone(file, () => plain.rmdir(file)),
    async copy(from, to) {
      alive();
      await plain.copy(from, to);
      created(to, 'file');
      note(inodeOf(fs.lstatSync(to).ino), (inode) => ({
        kind: 'write',
        inode,
        position: 0,
        bytes: fs.readFileSync(to),
      }));
    },
    sync: (fd, beside) => synced(fd, () => plain.sync(fd, beside)),
    syncData: (fd) => synced(fd, () => plain.syncData(fd)),
    countSync(file) {
      alive();
      plain.countSync(file);
      put({ kind: 'sync', inode: null, begun: records.length });
    },
  };
  return {
    disk,
    records,
    dieAfter(test) {
      isLast = test;
    },
    revive() {
      isLast = null;
      isDead = false;
    },
  };
}
