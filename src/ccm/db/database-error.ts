// What SQLite says, in our codes: DATABASE_UNAVAILABLE when waiting or more space may help, STATE_CORRUPT when the file is damaged.
// Anything else (a broken constraint) is a bug of the caller and passes unchanged.

import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { TreecastError } from '../../model/treecast-error.ts';

/** Primary result codes of SQLite for which the same statement may succeed later. */
const passing: Readonly<Record<number, { readonly why: string; readonly fix: string }>> = {
  5: {
    why: 'another process holds its lock',
    fix: 'End what uses the file besides the CCM (a sqlite3 shell, a backup by other means); it is tried again by itself.',
  },
  6: { why: 'it is locked', fix: 'End what uses the file besides the CCM; it is tried again by itself.' },
  7: { why: 'there is not enough memory', fix: 'Give the CCM more memory.' },
  8: {
    why: 'it is read-only',
    fix: 'Check that its file system is mounted for writing and that the CCM’s user owns the file and its directory.',
  },
  10: {
    why: 'the disk reports an error',
    fix: 'Look at the kernel’s log, and replace the disk if it must be.',
  },
  13: {
    why: 'its disk is full',
    fix: 'Free space on the file system of the state directory; it goes on by itself.',
  },
  14: {
    why: 'it cannot be opened',
    fix: 'Check that the CCM’s user may read and write the file and its directory, and that there are free inodes and descriptors.',
  },
};

const damaged: ReadonlySet<number> = new Set([11, 26]); // SQLITE_CORRUPT, SQLITE_NOTADB

export function databaseError(error: unknown, path: string): unknown {
  if (error instanceof TreecastError || !(error instanceof Error)) return error;
  const said = primaryCodeOf(error);
  // A log's index that cannot grow is told as an error of the disk.
  const primary = said === 10 && isFull(path) ? 13 : said;
  if (damaged.has(primary)) return damagedError(path, error.message, error);
  const known = passing[primary];
  if (known === undefined) return error;
  return new TreecastError(
    'DATABASE_UNAVAILABLE',
    `The CCM’s database ${path} cannot be used now: ${known.why} (${error.message}).`,
    { cause: error, fix: known.fix },
  );
}

export function damagedError(path: string, what: string, cause?: unknown): TreecastError {
  return new TreecastError('STATE_CORRUPT', `The database ${path} is damaged: ${what}.`, {
    cause,
    fix: 'Keep a copy of it, and copy the newest backup back (docs/operating.md, "Backup"): the servers go on serving, and say what they serve.',
  });
}

function isFull(path: string): boolean {
  try {
    return statfsSync(dirname(path)).bavail === 0;
  } catch {
    return false;
  }
}

function primaryCodeOf(error: Error): number {
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 13;
  if (code === 'EROFS') return 8;
  if (code === 'EIO') return 10;
  return code === 'EACCES' || code === 'EPERM' || code === 'EMFILE' || code === 'EISDIR' ? 14 : 0;
}
