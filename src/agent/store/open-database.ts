// Opens an SQLite file that one process uses alone; one that is damaged is made anew, one that the disk keeps from being opened is
// left as it is. What is in it is its owner's business.

import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';

export interface DatabaseKind {
  readonly version: number;
  /** Makes what is missing. */
  readonly schema: string;
  /** Whether a commit is durable when it returns. */
  readonly durable: boolean;
}

const sqliteBusy = 5;
/** SQLITE_CORRUPT, SQLITE_NOTADB: what is in the file is no database, or not one any more. */
const damagedCodes: readonly unknown[] = [11, 26];
/** SQLITE_CANTOPEN: no inode for its log, or no right to make one. */
const cannotOpen = 14;

export function isDamaged(error: unknown): boolean {
  return damagedCodes.includes(resultCode(error));
}

/** Throws STATE_DIRECTORY_LOCKED, and what the disk is to blame for. */
export function openDatabase(file: string, kind: DatabaseKind): DatabaseSync {
  removeForeign(file);
  try {
    return prepareDatabase(file, kind);
  } catch (cause) {
    if (resultCode(cause) === sqliteBusy) {
      throw new TreecastError('STATE_DIRECTORY_LOCKED', `${file} is in use by another process`, {
        cause,
        fix: 'Stop the other agent that uses this directory.',
      });
    }
    // A full disk is no reason to throw away what is on it.
    if (diskTroubleOf(cause) || resultCode(cause) === cannotOpen) throw unwritable(file) ?? cause;
    removeDatabase(file);
    return prepareDatabase(file, kind);
  }
}

/** SQLite says of a disk that may only be read that it fails. */
function unwritable(file: string): unknown {
  try {
    fs.accessSync(path.dirname(file), fs.constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}

const suffixes = ['', '-wal', '-shm', '-journal'];

export function removeDatabase(file: string): void {
  for (const suffix of suffixes) fs.rmSync(`${file}${suffix}`, { force: true });
}

/** STG-32: SQLite would follow links, and write on devices and on what has another name besides. Then all of it is lost. */
function removeForeign(file: string): void {
  const isForeign = suffixes.some((suffix) => {
    const stat = fs.lstatSync(`${file}${suffix}`, { throwIfNoEntry: false });
    return stat !== undefined && !stat.isDirectory() && !(stat.isFile() && stat.nlink === 1);
  });
  if (isForeign) removeDatabase(file);
}

function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

function prepareDatabase(file: string, { version: wanted, schema, durable }: DatabaseKind): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec(
      `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? 'FULL' : 'OFF'}; PRAGMA cache_size = -8000;`,
    );
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as {
      user_version: number;
    };
    if (version !== 0 && version !== wanted) throw new Error(`${file} has version ${version}`);
    database.exec(schema);
    if (version !== wanted) database.exec(`PRAGMA user_version = ${wanted};`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
