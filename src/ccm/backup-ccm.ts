// A copy of a CCM's state directory while it runs: the database as of one moment, then keys, configuration, plugins' memory, and the
// repositories, which are thereby newer than the database, never older. It only reads the CCM, and takes no lock but SQLite's own.

import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../model/treecast-error.ts';
import { syncFileSystem } from '../net/sync-file-system.ts';
import { databaseError } from './db/database-error.ts';
import { inspectDatabase } from './db/inspect-database.ts';
import { backupMark } from './db/run-mark.ts';

/** What besides the database is kept, where it is there. `last-run.json` stays: it is the run's, not the data's. */
const kept = ['keys', 'ccm.yaml', 'plugins', 'repositories'] as const;

/** Makes the directory `target`, whole and durable or not at all. Throws NOT_FOUND, ALREADY_EXISTS, DATABASE_UNAVAILABLE, DISK_FAILED. */
export async function backUpCcm(directory: string, target: string): Promise<void> {
  const database = join(directory, 'ccm.db');
  if (!existsSync(database)) {
    throw new TreecastError('NOT_FOUND', `There is no CCM in ${directory}.`, {
      fix: 'Give the state directory of the CCM with --dir.',
    });
  }
  if (existsSync(target)) {
    throw new TreecastError('ALREADY_EXISTS', `${target} exists already.`, {
      fix: 'Name a directory that does not exist yet, such as one with the date in it.',
    });
  }
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    await copyDatabase(database, join(partial, 'ccm.db'));
    for (const name of kept) {
      const source = join(directory, name);
      if (!existsSync(source)) continue;
      if (name === 'repositories') await copyRepositories(source, join(partial, name));
      else await cp(source, join(partial, name), { recursive: true, preserveTimestamps: true });
    }
    inspectDatabase(join(partial, 'ccm.db'), undefined);
    // Its contents are durable before its name says that it is whole.
    if (!(await syncFileSystem(partial))) throw notDurable(target);
    await rename(partial, target);
    await syncDirectory(dirname(resolve(target)));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw databaseError(error, error instanceof Error && 'errcode' in error ? database : partial);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 10_000 });
  try {
    // One read transaction: writers go on meanwhile.
    source.prepare('vacuum into ?').run(to);
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(to);
  copy.exec(`pragma user_version = ${backupMark}`);
  copy.close();
  await chmod(to, 0o600);
}

function notDurable(target: string): TreecastError {
  return new TreecastError('DISK_FAILED', `The backup ${target} could not be made durable.`, {
    fix: 'Look at the kernel’s log for errors of the disk, and check that the program `sync` (coreutils) is installed; then make it again.',
  });
}

/** Refs before objects: objects are only ever added, so whatever a ref names is there when they are copied. */
async function copyRepositories(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    const objects = join(from, name, 'objects');
    const isPassing = (path: string) => !/\.lock$|\/(?:tmp_|incoming-)[^/]*$/.test(path);
    await cp(join(from, name), join(to, name), {
      recursive: true,
      filter: (path) => path !== objects && isPassing(path),
    });
    await cp(objects, join(to, name, 'objects'), { recursive: true, filter: isPassing });
  }
}
