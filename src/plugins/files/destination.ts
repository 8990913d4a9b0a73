// One place outside the trees that a file may be put at: judged against what the operator allowed, by the real path of its directory,
// which is then held open, so that nobody can move the write elsewhere. It does not decide when to write, nor keeps what was there.

import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, readlink, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { PluginError } from '../api/plugin-error.ts';
import { pathGlob } from '../urls/path-glob.ts';

export interface FileFacts {
  /** Hexadecimal SHA-256 of the bytes. */
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface FileAttributes {
  readonly mode: number;
  /** Undefined: the agent's own. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface Destination {
  /** Real: no part of it is a symbolic link. */
  readonly path: string;
  /** The file that is there now; null when there is none. The caller closes it. */
  open(): Promise<FileHandle | null>;
  /** Atomic and durable. */
  replace(source: FileHandle, attributes: FileAttributes): Promise<void>;
  remove(): Promise<void>;
  close(): Promise<void>;
}

const nameBytesMax = 200;
const chunkBytes = 1_048_576;

/** Throws a PluginError, not to be tried again, when `to` is not allowed. Changes nothing. */
export async function openDestination(to: string, allow: readonly string[]): Promise<Destination> {
  const name = basename(to);
  if (!to.startsWith('/') || to.includes('\0') || normalize(to) !== to || name === '' || to.endsWith('/'))
    throw refusal(to, 'is no absolute path of a file', 'Write the path in full, without `.` and `..`.');
  if (Buffer.byteLength(name) > nameBytesMax)
    throw refusal(to, `has a name of more than ${nameBytesMax} bytes`, 'Choose a shorter name.');
  const mayBe = pathGlob(allow);
  if (!mayBe(to)) throw notAllowed(to);
  const directory = await openDirectory(to);
  try {
    const real = await readlink(`/proc/self/fd/${directory.fd}`);
    const path = join(real, name);
    if (!mayBe(path)) throw notAllowed(to, path);
    const { mode } = await directory.stat();
    if ((mode & 0o002) !== 0)
      throw refusal(to, `lies in ${real}, which everybody may write to`, `chmod o-w ${real}`);
    return destinationIn(directory, name, path);
  } catch (error) {
    await directory.close();
    throw error;
  }
}

async function openDirectory(to: string): Promise<FileHandle> {
  const path = dirname(to);
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new PluginError(
      code === 'ENOENT' ? `the directory ${path} is not there` : `${path} cannot be opened (${code})`,
      { cause, fix: `Make ${path} on this node: directories are not made for a file.` },
    );
  }
}

function destinationIn(directory: FileHandle, name: string, path: string): Destination {
  const at = (entry: string): string => `/proc/self/fd/${directory.fd}/${entry}`;
  const temporary = at(`.${name}.treecast.tmp`);
  return {
    path,
    async open() {
      let file: FileHandle;
      try {
        file = await open(at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      } catch (cause) {
        const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
        if (code === 'ENOENT') return null;
        const what = code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened (${code})`;
        throw refusal(path, what, 'Remove it, or name another destination.', cause);
      }
      if ((await file.stat()).isFile()) return file;
      await file.close();
      throw refusal(path, 'is no regular file', 'Remove it, or name another destination.');
    },
    async replace(source, { mode, uid, gid }) {
      await rm(temporary, { force: true });
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await copyBytes(source, file);
          const made = await file.stat();
          const [owner, group] = [uid ?? made.uid, gid ?? made.gid];
          if (owner !== made.uid || group !== made.gid) await file.chown(owner, group);
          await file.chmod(mode);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, at(name));
      } catch (cause) {
        await rm(temporary, { force: true });
        throw writeFailure(path, cause);
      }
      await directory.sync();
    },
    async remove() {
      await rm(at(name), { force: true });
      await directory.sync();
    },
    close: () => directory.close(),
  };
}

export async function factsOf(file: FileHandle): Promise<FileFacts> {
  const hash = createHash('sha256');
  await eachChunk(file, (chunk) => {
    hash.update(chunk);
  });
  const { mode, uid, gid } = await file.stat();
  return { sha256: hash.digest('hex'), mode: mode & 0o7777, uid, gid };
}

/** From the beginning of `source` to the beginning of `target`. */
export function copyBytes(source: FileHandle, target: FileHandle): Promise<void> {
  return eachChunk(source, async (chunk, position) => {
    let written = 0;
    while (written < chunk.length) {
      const { bytesWritten } = await target.write(chunk, written, chunk.length - written, position + written);
      written += bytesWritten;
    }
  });
}

async function eachChunk(
  file: FileHandle,
  use: (chunk: Buffer, position: number) => void | Promise<void>,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    await use(buffer.subarray(0, bytesRead), position);
    position += bytesRead;
  }
}

function writeFailure(path: string, cause: unknown): PluginError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const fix: Readonly<Record<string, string>> = {
    ENOSPC: 'Free space on that disk.',
    EROFS: 'Its file system is read-only here; a systemd unit may need ReadWritePaths.',
    EACCES: `Let the agent's user write to ${dirname(path)}.`,
    EPERM: `Let the agent's user write to ${dirname(path)}, and give it CAP_CHOWN when an owner is named.`,
  };
  return new PluginError(`${path} cannot be written (${code}); nothing was changed`, {
    cause,
    fix: fix[code] ?? 'Look at that directory on this node.',
  });
}

function notAllowed(to: string, real?: string): PluginError {
  const where = real === undefined || real === to ? '' : ` (really ${real})`;
  return refusal(
    to,
    `${where === '' ? '' : `${where.trim()} `}is not among the destinations that this node allows`,
    'The operator of the node adds it to `allow` of the plugin; empty allows nothing.',
  );
}

function refusal(to: string, what: string, fix: string, cause?: unknown): PluginError {
  return new PluginError(`${JSON.stringify(to)} ${what}`, {
    fix,
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
}
