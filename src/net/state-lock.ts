// One owner per state directory. The lock is the kernel's (a POSIX record lock that SQLite takes on `<directory>/lock`),
// so it ends with its process however that ends, also across network namespaces; nothing can go stale.
// Never open `<directory>/lock` by other means in the same process: closing that descriptor would drop the lock.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../model/treecast-error.ts';
import { explainStateDirectory } from './state-directory-trouble.ts';

export interface StateLock {
  readonly directory: string;
  /** Idempotent. */
  release(): void;
}

/** Keeps held locks reachable: a collected database object would close and drop its lock. */
const heldLocks = new Set<DatabaseSync>();

const busyErrcodes: ReadonlySet<unknown> = new Set([5, 6]); // SQLITE_BUSY, SQLITE_LOCKED

/**
 * Makes the directory when it is missing and locks it, for `owner` (a few words for the next one's error message).
 * Throws STATE_DIRECTORY_LOCKED when another process, or this one, holds it; DISK_FAILED, INVALID_CONFIGURATION.
 */
export function lockStateDirectory(directory: string, owner: string): StateLock {
  const ownerPath = join(directory, 'lock-owner.json');
  const database = openLock(directory);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    const errcode = cause instanceof Error && 'errcode' in cause ? cause.errcode : undefined;
    if (!busyErrcodes.has(errcode)) throw explainStateDirectory(cause, directory);
    throw new TreecastError(
      'STATE_DIRECTORY_LOCKED',
      `${directory} is in use by ${describeOwner(ownerPath)}.`,
      {
        cause,
        fix: 'Stop that process first, or give this one a directory of its own with --dir.',
        data: { directory },
      },
    );
  }
  heldLocks.add(database);
  noteOwner(ownerPath, owner);
  return {
    directory,
    release() {
      if (heldLocks.delete(database)) database.close();
    },
  };
}

function openLock(directory: string): DatabaseSync {
  try {
    mkdirSync(directory, { recursive: true });
    return new DatabaseSync(join(directory, 'lock'), { timeout: 0 });
  } catch (cause) {
    throw explainStateDirectory(cause, directory);
  }
}

/** A full disk keeps nobody from starting. */
function noteOwner(ownerPath: string, owner: string): void {
  const note = { pid: process.pid, owner, since: new Date().toISOString() };
  try {
    writeFileSync(ownerPath, `${JSON.stringify(note)}\n`);
  } catch {
    // It is for a message only.
  }
}

/** Written after the lock was taken, so it may lag behind: good for a message, never for a decision. */
function describeOwner(ownerPath: string): string {
  try {
    const { pid, owner, since } = JSON.parse(readFileSync(ownerPath, 'utf8')) as Record<string, unknown>;
    return `process ${String(pid)} (${String(owner)}, since ${String(since)})`;
  } catch {
    return 'another process';
  }
}
