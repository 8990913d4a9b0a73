// Directories below one that is trusted, opened one name at a time and used as /proc/self/fd/N/name: no symbolic link is followed on the
// way, also against somebody who changes directories meanwhile. What is done in them is the caller's.

import { constants, type FileHandle, lstat, mkdir, open, readdir, rmdir, unlink } from 'node:fs/promises';

const stepFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export interface OpenDirectory {
  readonly handle: FileHandle;
  /** An entry of it as a path that system calls take. */
  entry(name: string): string;
}

/**
 * Calls `use` with the directory `names` below `top` and closes it after. A missing one is made by `make`, which is given its parent;
 * without `make`, or when it answers false, the result is undefined.
 */
export async function inDirectory<T>(
  top: string,
  names: readonly string[],
  use: (directory: OpenDirectory) => Promise<T>,
  make?: (parent: OpenDirectory, name: string, depth: number) => Promise<boolean>,
): Promise<T | undefined> {
  let at = await open(top, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const [depth, name] of names.entries()) {
      const parent = openDirectory(at);
      let next = await step(parent, name);
      if (next === undefined && (await make?.(parent, name, depth))) next = await step(parent, name);
      if (next === undefined) return undefined;
      await at.close();
      at = next;
    }
    return await use(openDirectory(at));
  } finally {
    await at.close();
  }
}

/** Makes a directory of this mode, whatever the umask; what has its name and is no directory is removed. */
export async function makeDirectory(parent: OpenDirectory, name: string, mode: number): Promise<boolean> {
  await removeEntry(parent, name);
  await mkdir(parent.entry(name), { mode: 0o700 });
  const made = await open(parent.entry(name), stepFlags);
  try {
    await made.chmod(mode);
  } finally {
    await made.close();
  }
  return true;
}

/** Removes an entry with all that is below it; nothing there is fine. */
export async function removeEntry(parent: OpenDirectory, name: string): Promise<void> {
  const directory = await step(parent, name);
  if (directory === undefined) return ignoring(['ENOENT'], unlink(parent.entry(name)));
  try {
    const below = openDirectory(directory);
    for (const inside of await readdir(below.entry('.'))) await removeEntry(below, inside);
  } finally {
    await directory.close();
  }
  await ignoring(['ENOENT'], rmdir(parent.entry(name)));
}

export type EntryKind = 'file' | 'directory' | 'other';

/** Null when there is nothing of that name. */
export async function kindOfEntry(path: string): Promise<EntryKind | null> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    if (isOneOf(error, ['ENOENT', 'ENOTDIR'])) return null;
    throw error;
  }
}

export async function ignoring(codes: readonly string[], work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isOneOf(error, codes)) throw error;
  }
}

function openDirectory(handle: FileHandle): OpenDirectory {
  return { handle, entry: (name) => `/proc/self/fd/${handle.fd}/${name}` };
}

/** Undefined when there is no directory of that name. */
async function step(parent: OpenDirectory, name: string): Promise<FileHandle | undefined> {
  try {
    return await open(parent.entry(name), stepFlags);
  } catch (error) {
    if (isOneOf(error, ['ENOENT', 'ENOTDIR', 'ELOOP'])) return undefined;
    throw error;
  }
}

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
