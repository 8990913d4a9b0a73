// Links files of a tree into a directory of kept files, and removes them again; never through a symlink, on either side.
// Which files, and for how long, is not decided here.

import { constants, copyFile, link, lstat, open, readdir, rename, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PluginError } from '../api/plugin-error.ts';
import {
  inDirectory,
  kindOfEntry,
  makeDirectory,
  type OpenDirectory,
  removeEntry,
} from '../files/directory-walk.ts';

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
  /** Removes all of them, and the root. */
  clear(): Promise<void>;
}

/** `site`: the site's directory, in which `<above>/<instance>` is made when it is missing. */
export function createKeptFiles(site: string, above: string, instance: string): KeptFiles {
  const rootNames = [above, instance];
  const temporary = `.${instance}.tmp`;
  /** Paths below the root; '' is the root itself. */
  const touched = new Set<string>();

  function makerOf(names: readonly string[]) {
    return async (parent: OpenDirectory, name: string, depth: number): Promise<boolean> => {
      // Above the kept files nothing is removed that is not ours.
      if (depth === 0 && (await kindOfEntry(parent.entry(name))) !== null)
        throw new Error(`${above} is no directory`);
      await makeDirectory(parent, name, directoryMode);
      if (depth < rootNames.length) await parent.handle.sync();
      else touched.add(names.slice(0, depth - rootNames.length).join('/'));
      return true;
    };
  }

  async function keepIn(target: OpenDirectory, source: string, name: string): Promise<boolean> {
    if (await isSameFile(source, target.entry(name))) return true;
    if ((await kindOfEntry(target.entry(name))) === 'directory') await removeEntry(target, name);
    const moved = await inDirectory(site, [above], async (beside) => {
      await removeEntry(beside, temporary);
      await linkOrCopy(source, beside.entry(temporary));
      // A link that took the file's place in the last moment was linked itself.
      const isFile = (await kindOfEntry(beside.entry(temporary))) === 'file';
      if (isFile) await rename(beside.entry(temporary), target.entry(name));
      else await removeEntry(beside, temporary);
      return isFile;
    });
    return moved === true;
  }

  return {
    keep: async (tree, path) => {
      if (!isInside(path)) return false;
      const names = dirname(path) === '.' ? [] : dirname(path).split('/');
      const name = basename(path);
      try {
        const kept = await inDirectory(tree, names, async (from) => {
          const source = from.entry(name);
          if ((await kindOfEntry(source)) !== 'file') return false;
          return inDirectory(
            site,
            [...rootNames, ...names],
            (target) => keepIn(target, source, name),
            makerOf(names),
          );
        });
        if (kept !== true) return false;
      } catch (cause) {
        throw new PluginError(`cannot keep ${path} in ${join(site, ...rootNames)}: ${reasonOf(cause)}`, {
          cause,
          fix: 'Make room and see that the directory can be written, or keep fewer releases.',
        });
      }
      touched.add(names.join('/'));
      return true;
    },
    drop: async (path) => {
      if (!isInside(path)) return;
      const names = path.split('/');
      const last = names.pop() as string;
      const found = await inDirectory(site, [...rootNames, ...names], (parent) =>
        removeEntry(parent, last).then(() => true),
      );
      if (!found) return;
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const gone = name;
        const wasEmpty = await inDirectory(site, [...rootNames, ...names], (parent) =>
          rmdir(parent.entry(gone)).then(
            () => true,
            () => false,
          ),
        );
        if (!wasEmpty) break;
      }
    },
    sync: async () => {
      for (const path of touched) {
        // One that was dropped in the meantime needs none.
        await inDirectory(site, [...rootNames, ...(path === '' ? [] : path.split('/'))], ({ handle }) =>
          handle.sync(),
        );
      }
      touched.clear();
    },
    clear: async () => {
      await inDirectory(site, [above], async (parent) => {
        await removeEntry(parent, instance);
        await removeEntry(parent, temporary);
      }).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    },
  };
}

/** Paths of the regular files below `root`, at most `most`; names that begin with a dot are left out. */
export async function listFiles(root: string, most: number): Promise<string[]> {
  const found: string[] = [];
  const pending = [''];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (directory === '' && (await kindOfEntry(root)) !== 'directory') break;
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
  return (await parentKind(root, path)) === 'directory' && (await kindOfEntry(join(root, path))) === 'file';
}

/** Relative, and no name that is empty or begins with a dot. */
export function isInside(path: string): boolean {
  return path.split('/').every((name) => name !== '' && !name.startsWith('.'));
}

async function parentKind(root: string, path: string): Promise<'directory' | null> {
  let directory = root;
  for (const name of ['', ...path.split('/').slice(0, -1)]) {
    directory = join(directory, name);
    if ((await kindOfEntry(directory)) !== 'directory') return null;
  }
  return 'directory';
}

/** The same inode, or a copy that an earlier run made. */
async function isSameFile(source: string, target: string): Promise<boolean> {
  if ((await kindOfEntry(target)) !== 'file') return false;
  const [a, b] = await Promise.all([lstat(source), lstat(target)]);
  if (a.dev === b.dev) return a.ino === b.ino;
  return a.size === b.size && Math.trunc(a.mtimeMs / 1000) === Math.trunc(b.mtimeMs / 1000);
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (!copiedWhen.has(codeOf(error))) throw error;
    await copyOf(source, target);
  }
}

async function copyOf(source: string, target: string): Promise<void> {
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await from.stat();
    if (!stat.isFile()) throw new Error('it is no file any more');
    await copyFile(`/proc/self/fd/${from.fd}`, target, constants.COPYFILE_EXCL);
    const to = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      await to.chmod(stat.mode & 0o777);
      await to.utimes(stat.atime, stat.mtime);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
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
