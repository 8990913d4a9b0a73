// Files of a tree by their path there, and never anything else: no symbolic link leads out of the tree, no `..` is understood, also against
// somebody who changes directories meanwhile.

import { constants, type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../api/plugin-error.ts';

const pathBytesMax = 4_096;
const stepFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Nothing is there that could be read as a file. */
const absentCodes: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EISDIR',
  'ENXIO',
  'ENODEV',
  'ENAMETOOLONG',
]);
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What is wrong with a path inside a tree, in words that follow the path; undefined when nothing is. */
export function treePathProblem(path: string): string | undefined {
  if (path === '' || path.includes('\0')) return 'is no path';
  if (Buffer.byteLength(path) > pathBytesMax) return `has more than ${pathBytesMax} bytes`;
  if (path.startsWith('/')) return 'is not relative to the tree';
  const wrong = path.split('/').find((name) => name === '' || name === '.' || name === '..');
  return wrong === undefined ? undefined : `has the segment "${wrong}"`;
}

/** The caller closes it. Throws a PluginError when there is no such regular file. `directory` is a tree's own. */
export async function openTreeFile(directory: string, path: string): Promise<FileHandle> {
  const problem = treePathProblem(path);
  if (problem !== undefined) throw refusal(path, problem);
  const names = path.split('/');
  const last = names.pop() ?? '';
  let at = await open(directory, stepFlags);
  try {
    for (const name of names) {
      const next = await step(`/proc/self/fd/${at.fd}/${name}`, stepFlags, path);
      await at.close();
      at = next;
    }
    const file = await step(`/proc/self/fd/${at.fd}/${last}`, fileFlags, path);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw refusal(path, 'is no regular file');
  } finally {
    await at.close();
  }
}

/**
 * The first `bytesMax` bytes of a regular file of the tree; null when there is none. Symbolic links are followed as long as they stay in
 * the tree, as a web server does: the open file itself says where it lies.
 */
export async function readTreeFile(
  directory: string,
  path: string,
  bytesMax: number,
): Promise<Buffer | null> {
  if (treePathProblem(path) !== undefined) return null;
  let file: FileHandle | undefined;
  try {
    file = await open(join(directory, path), constants.O_RDONLY | constants.O_NONBLOCK);
    const [root, found] = await Promise.all([realpath(directory), readlink(`/proc/self/fd/${file.fd}`)]);
    const stat = await file.stat();
    if (!found.startsWith(`${root}/`) || !stat.isFile()) return null;
    const bytes = Buffer.alloc(Math.min(stat.size, bytesMax));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof Error && 'code' in error && absentCodes.has(error.code)) return null;
    throw error;
  } finally {
    await file?.close();
  }
}

async function step(path: string, flags: number, asked: string): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const what: Readonly<Record<string, string>> = {
      ENOENT: 'is not in the tree',
      ELOOP: 'is a symbolic link, which is not followed',
      ENOTDIR: 'lies below something that is no directory',
    };
    throw refusal(asked, what[code] ?? `cannot be opened (${code})`, cause);
  }
}

function refusal(path: string, what: string, cause?: unknown): PluginError {
  return new PluginError(`${JSON.stringify(path)} ${what}`, {
    fix: 'Name a regular file of the tree, with its path from the root of the tree.',
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
}
