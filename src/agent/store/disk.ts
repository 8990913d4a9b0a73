// Every file-system call the store makes goes through one of these, so that calls can be counted and, in tests, the order of
// durable effects read and a crash put between any two of them. Decides nothing; synchronous calls are the cheapest in CPU.

import fs from 'node:fs';
import { createBarriers } from './barriers.ts';

/** What changes the disk. `sync` is a barrier: what came before it is durable after it. */
export type Effect =
  | 'create'
  | 'write'
  | 'metadata'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'copy'
  | 'sync';

/** Called before each effect with the path it acts on; a throw keeps the effect from happening. */
export type EffectObserver = (effect: Effect, path: string) => void;

const { O_CREAT } = fs.constants;

export interface Disk extends ReturnType<typeof createDisk> {}

export function createDisk(observer?: EffectObserver) {
  const counts = { calls: 0, syncs: 0 };
  const names = new Map<number, string>();
  const barriers = createBarriers();
  const observe = (effect: Effect, path: string | number): void => observer?.(effect, nameOf(path, names));

  function opened(fd: number, path: string): number {
    if (observer) names.set(fd, nameOf(path, names));
    return fd;
  }

  return {
    counts: counts as { readonly calls: number; readonly syncs: number },

    open(path: string, flags: number, mode?: number): number {
      counts.calls++;
      if ((flags & O_CREAT) !== 0) observe('create', path);
      return opened(fs.openSync(path, flags, mode), path);
    },
    openAsync(path: string, flags: number): Promise<number> {
      counts.calls++;
      return new Promise((resolve, reject) => {
        fs.open(path, flags, (error, fd) => (error ? reject(error) : resolve(opened(fd, path))));
      });
    },
    close(fd: number): void {
      counts.calls++;
      fs.closeSync(fd);
    },
    /** Fills `buffer` from `position` as far as the file goes; the bytes read. */
    read(fd: number, buffer: Uint8Array, position: number): number {
      let done = 0;
      while (done < buffer.length) {
        counts.calls++;
        const bytes = fs.readSync(fd, buffer, done, buffer.length - done, position + done);
        if (bytes === 0) break;
        done += bytes;
      }
      return done;
    },
    readAsync(fd: number, buffer: Uint8Array, position: number): Promise<number> {
      counts.calls++;
      return new Promise((resolve, reject) => {
        fs.read(fd, buffer, 0, buffer.length, position, (error, bytes) =>
          error ? reject(error) : resolve(bytes),
        );
      });
    },
    /** Writes all of `bytes`. */
    write(fd: number, bytes: Uint8Array, position: number): void {
      observe('write', fd);
      for (let done = 0; done < bytes.length; ) {
        counts.calls++;
        done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
      }
    },
    truncate(fd: number, size: number): void {
      counts.calls++;
      observe('write', fd);
      fs.ftruncateSync(fd, size);
    },
    fstat(fd: number): fs.Stats {
      counts.calls++;
      return fs.fstatSync(fd);
    },
    lstat(path: string): fs.Stats | undefined {
      counts.calls++;
      try {
        return fs.lstatSync(path, { throwIfNoEntry: false });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
        throw error;
      }
    },
    /** The target, or undefined when there is no symlink of that name. */
    readlink(path: string): string | undefined {
      counts.calls++;
      try {
        return fs.readlinkSync(path);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'EINVAL') return undefined;
        throw error;
      }
    },
    readlinkBytes(path: string): Buffer {
      counts.calls++;
      return fs.readlinkSync(path, 'buffer');
    },
    readdir(path: string): fs.Dirent[] {
      counts.calls++;
      return fs.readdirSync(path, { withFileTypes: true });
    },
    statfs(path: string): fs.StatsFs {
      counts.calls++;
      return fs.statfsSync(path);
    },
    rename(from: string, to: string): void {
      counts.calls++;
      observe('rename', to);
      fs.renameSync(from, to);
    },
    link(existing: string, path: string): void {
      counts.calls++;
      observe('link', path);
      fs.linkSync(existing, path);
    },
    symlink(target: string, path: string): void {
      counts.calls++;
      observe('symlink', path);
      fs.symlinkSync(target, path);
    },
    unlink(path: string): void {
      counts.calls++;
      observe('unlink', path);
      fs.unlinkSync(path);
    },
    mkdir(path: string, mode: number): void {
      counts.calls++;
      observe('mkdir', path);
      fs.mkdirSync(path, mode);
    },
    rmdir(path: string): void {
      counts.calls++;
      observe('rmdir', path);
      fs.rmdirSync(path);
    },
    chmod(fd: number, mode: number): void {
      counts.calls++;
      observe('metadata', fd);
      fs.fchmodSync(fd, mode);
    },
    /** Follows symlinks: only for `/proc/self/fd/N` of a handle that cannot be used for {@link chmod}. */
    chmodPath(path: string, mode: number): void {
      counts.calls++;
      observe('metadata', path);
      fs.chmodSync(path, mode);
    },
    chown(fd: number, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
      counts.calls++;
      observe('metadata', fd);
      fs.fchownSync(fd, uid, gid);
    },
    /** Follows symlinks, as {@link chmodPath}. */
    chownPath(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
      counts.calls++;
      observe('metadata', path);
      fs.chownSync(path, uid, gid);
    },
    chownLink(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
      counts.calls++;
      observe('metadata', path);
      fs.lchownSync(path, uid, gid);
    },
    /** Access and modification time in whole seconds. */
    touch(fd: number, seconds: number): void {
      counts.calls++;
      observe('metadata', fd);
      fs.futimesSync(fd, seconds, seconds);
    },
    touchLink(path: string, seconds: number): void {
      counts.calls++;
      observe('metadata', path);
      fs.lutimesSync(path, seconds, seconds);
    },
    /** A new file with the bytes of another, sharing blocks where the file system can. */
    async copy(from: string, to: string): Promise<void> {
      counts.calls++;
      observe('copy', to);
      const flags = fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE;
      await new Promise<void>((resolve, reject) => {
        fs.copyFile(from, to, flags, (error) => (error ? reject(error) : resolve()));
      });
    },
    /** fsync(2); `beside`: other syncs are in flight, so it must not hold them up. */
    async sync(fd: number, beside = false): Promise<void> {
      counts.calls++;
      counts.syncs++;
      observe('sync', fd);
      await barriers.run(fd, beside, fs.fsyncSync, fs.fsync);
    },
    /** fdatasync(2). */
    async syncData(fd: number): Promise<void> {
      counts.calls++;
      counts.syncs++;
      observe('sync', fd);
      await barriers.run(fd, false, fs.fdatasyncSync, fs.fdatasync);
    },
    /** Tells the observer and the counter of a sync made by another program (see durability.ts). */
    countSync(path: string): void {
      counts.calls++;
      counts.syncs++;
      observe('sync', path);
    },
  };
}

/** The path behind `/proc/self/fd/N/name` or behind a descriptor, for observers. */
function nameOf(path: string | number, names: ReadonlyMap<number, string>): string {
  if (typeof path === 'number') return names.get(path) ?? `fd ${path}`;
  const match = /^\/proc\/self\/fd\/(\d+)(.*)$/s.exec(path);
  return match ? `${names.get(Number(match[1])) ?? `fd ${match[1]}`}${match[2]}` : path;
}
