// Links files of a tree into a directory of kept files, and removes them again; never through a symlink, on either side.
// Which files, and for how long, is not decided here.

import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '../api/plugin-error.ts';

const directoryMode = 0o755;
/** Then a copy does it: another file system, too many links, a file system or a rule of the kernel that allows no link. */
const copiedWhen = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP']);

export interface KeptFiles {
  /** False when there is no regular file at that path of the tree. */
  keep(tree: string, path: string): Promise<boolean>;
  /** Also directories that are empty then. */
  drop(path: string): Promise<void>;
  /** What was kept and dropped is on disk when it resolves. */
  sync(): Promise<void>;
}

/** `root` is made when it is missing; `temporary` is a path on the same file system, beside it. */
export function createKeptFiles(root: string, temporary: string): KeptFiles {
  const touched = new Set<string>();

  async function makeDirectory(path: string): Promise<void> {
    const present = await kindOf(path);
    if (present === 'directory') return;
    // Above the kept files nothing is removed that is not ours.
    if (path !== dirname(root)) {
      if (present !== null) await rm(path, { force: true });
      await makeDirectory(dirname(path));
    }
    await mkdir(path, { mode: directoryMode });
    await chmod(path, directoryMode);
    touched.add(dirname(path));
  }

  return {
    keep: async (tree, path) => {
      const source = join(tree, path);
      if (!isInside(path) || !(await isRegularFile(tree, path))) return false;
      const target = join(root, path);
      try {
        await makeDirectory(dirname(target));
        if (await isSameFile(source, target)) return true;
        if ((await kindOf(target)) === 'directory') await rm(target, { recursive: true, force: true });
        await rm(temporary, { force: true });
        await linkOrCopy(source, temporary);
        await rename(temporary, target);
      } catch (cause) {
        throw new PluginError(`cannot keep ${path} in ${root}: ${reasonOf(cause)}`, {
          cause,
          fix: 'Make room and see that the directory can be written, or keep fewer releases.',
        });
      }
      touched.add(dirname(target));
      return true;
    },
    drop: async (path) => {
      if (!isInside(path) || (await parentKind(root, path)) !== 'directory') return;
      await rm(join(root, path), { force: true, recursive: true });
      for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
        try {
          await rmdir(join(root, parent));
        } catch {
          break;
        }
      }
    },
    sync: async () => {
      for (const path of touched) await syncDirectory(path);
      touched.clear();
    },
  };
}

/** Paths of the regular files below `root`, at most `most`; names that begin with a dot are left out. */
export async function listFiles(root: string, most: number): Promise<string[]> {
  const found: string[] = [];
  const pending = [''];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (directory === '' && (await kindOf(root)) !== 'directory') break;
    for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile() && found.push(path) >= most) return found;
    }
  }
  return found;
}

/** Whether every name on the way is a directory and the last a regular file: no symlink anywhere. */
export async function isRegularFile(root: string, path: string): Promise<boolean> {
  return (await parentKind(root, path)) === 'directory' && (await kindOf(join(root, path))) === 'file';
}

/** Relative, and no name that is empty or begins with a dot. */
export function isInside(path: string): boolean {
  return path.split('/').every((name) => name !== '' && !name.startsWith('.'));
}

async function parentKind(root: string, path: string): Promise<Kind | null> {
  let directory = root;
  for (const name of ['', ...path.split('/').slice(0, -1)]) {
    directory = join(directory, name);
    if ((await kindOf(directory)) !== 'directory') return null;
  }
  return 'directory';
}

type Kind = 'file' | 'directory' | 'other';

async function kindOf(path: string): Promise<Kind | null> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** The same inode, or a copy that an earlier run made. */
async function isSameFile(source: string, target: string): Promise<boolean> {
  if ((await kindOf(target)) !== 'file') return false;
  const [a, b] = await Promise.all([lstat(source), lstat(target)]);
  if (a.dev === b.dev) return a.ino === b.ino;
  return a.size === b.size && Math.trunc(a.mtimeMs / 1000) === Math.trunc(b.mtimeMs / 1000);
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (!copiedWhen.has(codeOf(error))) throw error;
    const stat = await lstat(source);
    await copyFile(source, target, constants.COPYFILE_EXCL);
    await chmod(target, stat.mode & 0o777);
    await utimes(target, stat.atime, stat.mtime);
  }
}

async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Dropped in the meantime.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reasonOf(error: unknown): string {
  return codeOf(error) === 'ENOSPC'
    ? 'there is no space left'
    : error instanceof Error
      ? error.message
      : String(error);
}
