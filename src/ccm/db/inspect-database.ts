// Judges a database file before anything opens it for writing: is it one, whole, and the one that its write-ahead log belongs to?
// SQLite itself would play any log beside it into it, and close that way; so what is looked at here is only read.

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../../model/treecast-error.ts';
import { damagedError, databaseError } from './database-error.ts';
import { isCopy } from './run-mark.ts';

/** Larger files are checked only where there is a reason: a check reads every page, some 200 MB a second. */
const alwaysCheckedBytes = 64 * 1024 ** 2;
const headerBytes = 100;

export interface Inspection {
  /** The number that the last run wrote into the file (`user_version`); null when there is no file yet. */
  readonly mark: number | null;
  /** Bytes of a write-ahead log that a crash left. */
  readonly walBytes: number;
}

/** Throws STATE_CORRUPT or DATABASE_UNAVAILABLE. `marks` are those that the last run may have left; undefined when nobody knows. */
export function inspectDatabase(path: string, marks: readonly number[] | undefined): Inspection {
  try {
    return inspect(path, marks);
  } catch (error) {
    throw databaseError(error, path);
  }
}

function inspect(path: string, marks: readonly number[] | undefined): Inspection {
  const bytes = sizeOf(path);
  const walBytes = sizeOf(`${path}-wal`) ?? 0;
  if (bytes === undefined) {
    if (walBytes > 0) throw foreignLog(path);
    return { mark: null, walBytes };
  }
  if (bytes === 0 && walBytes === 0)
    throw damagedError(path, 'it is empty: it was never finished, or what wrote it had no space');
  const mark = bytes === 0 ? 0 : readMark(path, bytes);
  const copied = isCopy(mark, marks);
  if (copied && walBytes > 0) throw foreignLog(path);
  if (walBytes > 0 || copied || bytes <= alwaysCheckedBytes) check(path);
  return { mark, walBytes };
}

function readMark(path: string, bytes: number): number {
  const header = Buffer.alloc(headerBytes);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, headerBytes, 0);
  } finally {
    closeSync(file);
  }
  if (bytes < headerBytes || header.toString('latin1', 0, 16) !== 'SQLite format 3\0')
    throw damagedError(path, 'it is no SQLite database');
  return header.readUInt32BE(60);
}

/** A connection for reading only never copies the log into the file, also not when it is closed. */
function check(path: string): void {
  const raw = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    const problems = raw
      .prepare('pragma integrity_check(5)')
      .all()
      .map((row) => String(row['integrity_check']));
    if (problems.length !== 1 || problems[0] !== 'ok') throw damagedError(path, problems.join('; '));
  } finally {
    raw.close();
  }
}

function foreignLog(path: string): TreecastError {
  return new TreecastError(
    'STATE_CORRUPT',
    `${path} was copied here, but ${path}-wal is the log of the database that was here before: together they would be neither.`,
    {
      fix: `If ${path} is the one you want, move ${path}-wal and ${path}-shm away and start again. If not, copy all three of the former one back.`,
    },
  );
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
