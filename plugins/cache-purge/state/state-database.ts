// The plugin's file in its state directory: what caches are known to hold, and what they still owe. Losing it costs knowledge, never
// correctness, so it is not synced to disk at each write and is made anew when it cannot be read.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA user_version = 1;
  CREATE TABLE IF NOT EXISTS known (
    cache TEXT NOT NULL, url TEXT NOT NULL, site TEXT NOT NULL,
    since_ms INTEGER NOT NULL, how TEXT NOT NULL, times INTEGER NOT NULL, purged_ms INTEGER,
    PRIMARY KEY (cache, url)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS owed (
    site TEXT NOT NULL, cache TEXT NOT NULL, target TEXT NOT NULL, item TEXT NOT NULL,
    PRIMARY KEY (site, cache, target, item)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS refused (
    site TEXT NOT NULL, cache TEXT NOT NULL, target TEXT NOT NULL, item TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (site, cache, target, item)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tried (
    site TEXT NOT NULL, cache TEXT NOT NULL, target TEXT NOT NULL, call TEXT NOT NULL,
    PRIMARY KEY (site, cache, target)
  ) WITHOUT ROWID;
`;

export function openStateDatabase(directory: string): DatabaseSync {
  const path = join(directory, 'caches.db');
  try {
    return open(path);
  } catch {
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    return open(path);
  }
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** All of it or nothing; nothing in `work` waits. */
export function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
