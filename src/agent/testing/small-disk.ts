// Real, small file systems for tests (as root): a tmpfs with few bytes and inodes, or ext4 in a file. Unmounted when the test is over.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

export interface SmallDisk {
  readonly directory: string;
  /** Takes everything that is free, all but some bytes; what was taken before is given back first. */
  fill(leavingBytes?: number): void;
  /** Takes all inodes but some. */
  fillInodes(leaving?: number): void;
  /** Gives back what `fill` and `fillInodes` took. */
  empty(): void;
  /** As an operator mounts it: only while nobody has a file open for writing. */
  remount(how: 'ro' | 'rw'): void;
}

export interface SmallExt4 extends SmallDisk {
  /** As when the kernel finds an error: from now on it is read-only, whoever has files open for writing. */
  breakDown(): void;
  /** Checked and mounted anew. */
  mend(): void;
}

export function mountTmpfs(
  t: Pick<TestContext, 'after'>,
  { bytes, inodes }: { readonly bytes: number; readonly inodes: number },
  at?: string,
): SmallDisk {
  return mounted(t, ['-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=${inodes},mode=755`, 'tmpfs'], at);
}

export function mountExt4(
  t: Pick<TestContext, 'after'>,
  { mebibytes, inodes }: { readonly mebibytes: number; readonly inodes: number },
): SmallExt4 {
  const image = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-image-')), 'ext4');
  t.after(() => fs.rmSync(path.dirname(image), { recursive: true, force: true }));
  fs.writeFileSync(image, '');
  fs.truncateSync(image, mebibytes * 1024 ** 2);
  execFileSync('mkfs.ext4', ['-q', '-N', String(inodes), image]);
  const how = ['-o', 'loop,errors=remount-ro', image];
  const disk = mounted(t, how);
  return {
    ...disk,
    breakDown() {
      const device = execFileSync('findmnt', ['-no', 'SOURCE', disk.directory], { encoding: 'utf8' }).trim();
      fs.writeFileSync(`/sys/fs/ext4/${path.basename(device)}/trigger_fs_error`, 'a test');
    },
    mend() {
      execFileSync('umount', [disk.directory]);
      // 1: errors were corrected.
      spawnSync('fsck.ext4', ['-fy', image]);
      execFileSync('mount', [...how, disk.directory]);
    },
  };
}

function mounted(t: Pick<TestContext, 'after'>, how: readonly string[], at?: string): SmallDisk {
  const directory = at ?? fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-disk-'));
  fs.mkdirSync(directory, { recursive: true });
  execFileSync('mount', [...how, directory]);
  t.after(() => {
    execFileSync('umount', ['--lazy', directory]);
    if (at === undefined) fs.rmdirSync(directory);
  });
  const filler = path.join(directory, 'somebody-elses');

  return {
    directory,
    fill(leavingBytes = 0) {
      fs.mkdirSync(filler, { recursive: true });
      const file = path.join(filler, 'bytes');
      fs.rmSync(file, { force: true });
      const { bavail, bsize } = fs.statfsSync(directory);
      const fd = fs.openSync(file, 'w');
      try {
        const piece = Buffer.alloc(bsize, 'x');
        for (let left = bavail - Math.ceil(leavingBytes / bsize); left > 0; left--) fs.writeSync(fd, piece);
        fs.fsyncSync(fd);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        fs.closeSync(fd);
      }
    },
    fillInodes(leaving = 0) {
      fs.mkdirSync(filler, { recursive: true });
      try {
        for (let left = fs.statfsSync(directory).ffree - leaving; left > 0; left--) {
          fs.writeFileSync(path.join(filler, `inode-${left}`), '');
        }
      } catch (error) {
        // Whoever works on the disk meanwhile took the last ones.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    empty: () => fs.rmSync(filler, { recursive: true, force: true }),
    remount: (how) => void execFileSync('mount', ['-o', `remount,${how}`, directory]),
  };
}
