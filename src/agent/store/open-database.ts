// Opens an SQLite file that one process uses alone; one that cannot be used is made anew. What is in it is its owner's business.

import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../../model/treecast-error.ts';

export interface DatabaseKind {
  readonly version: number;
  /** Makes what is missing. */
  readonly schema: string;
  /** Whether a commit is durable when it returns. */
  readonly durable: boolean;
}

const sqliteBusy = 5;

/** Throws STATE_DIRECTORY_LOCKED. */
export function openDatabase(file: string, kind: DatabaseKind): DatabaseSync {
  try {
    return prepareDatabase(file, kind);
  } catch (cause) {
    if ((cause as { errcode?: number }).errcode === sqliteBusy) {
      throw new TreecastError('STATE_DIRECTORY_LOCKED', `${file} is in use by another process`, {
        cause,
        fix: 'Stop the other agent that uses this directory.',
      });
    }
    for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(`${file}${suffix}`, { force: true });
    return prepareDatabase(file, kind);
  }
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
    database.exec(`${schema} PRAGMA user_version = ${wanted};`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
