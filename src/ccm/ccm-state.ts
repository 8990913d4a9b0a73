// A CCM's state directory: lock, database, keys, repositories, assignments. Made once by `ccm init` (or `up`), opened by every run.

import { existsSync } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TreecastError } from '../model/treecast-error.ts';
import { explainStateDirectory } from '../net/state-directory-trouble.ts';
import { lockStateDirectory, type StateLock } from '../net/state-lock.ts';
import type { CcmDatabase } from './db/ccm-database.ts';
import { databaseError } from './db/database-error.ts';
import { inspectDatabase } from './db/inspect-database.ts';
import { openDatabase } from './db/open-database.ts';
import { isCopy, markRun, readRunMarks } from './db/run-mark.ts';
import { type CcmKeys, openCcmKeys } from './keys/ccm-keys.ts';
import { createRegistry, type Registry } from './registry/registry.ts';

export interface CcmState {
  readonly database: CcmDatabase;
  readonly registry: Registry;
  /** The database is not the one that ran here last. */
  readonly isCopiedBack: boolean;
  /** From now on it is; called once what follows from a copy is in it. */
  markRun(): Promise<void>;
  readonly keys: CcmKeys;
  readonly paths: { readonly repositories: string; readonly assignments: string };
  /** What `ccm init` was told; a configuration file goes before it. */
  readonly publicUrl: string | undefined;
  readonly agentUrl: string | undefined;
  /** Names and addresses for the certificate of the agents' port. */
  readonly hosts: readonly string[];
  close(): void;
}

const settingKeys = { publicUrl: 'public-url', agentUrl: 'agent-url', hosts: 'hosts' } as const;

interface OpenOptions {
  readonly create: boolean;
  readonly certificateDays?: number | undefined;
}

/**
 * Throws NOT_FOUND when there is no CCM and none is to be made, STATE_DIRECTORY_LOCKED, STATE_CORRUPT, DATABASE_UNAVAILABLE, DISK_FAILED,
 * INVALID_CONFIGURATION.
 */
export async function openCcmState(directory: string, options: OpenOptions): Promise<CcmState> {
  try {
    return await open(directory, options);
  } catch (error) {
    throw explainStateDirectory(error, directory);
  }
}

async function open(directory: string, { create, certificateDays }: OpenOptions): Promise<CcmState> {
  const databasePath = join(directory, 'ccm.db');
  if (!create && !(await exists(databasePath))) {
    throw new TreecastError('NOT_FOUND', `There is no CCM in ${directory}.`, {
      fix: 'Make one with `treecast ccm init --dir DIRECTORY`.',
    });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockFor(directory);
  try {
    const paths = {
      repositories: join(directory, 'repositories'),
      assignments: join(directory, 'assignments'),
    };
    for (const path of Object.values(paths)) await mkdir(path, { recursive: true, mode: 0o700 });
    const marks = readRunMarks(directory);
    const isNew = create && (await isEmpty(databasePath)) && (await isEmpty(`${databasePath}-wal`));
    const { mark } = isNew ? { mark: null } : inspectDatabase(databasePath, marks);
    // Before the database: a state directory that has one has keys.
    const keys = await openCcmKeys(directory, {
      create: isNew,
      ...(certificateDays === undefined ? {} : { certificateLifeMs: certificateDays * 86_400_000 }),
    });
    const database = await openDatabase(databasePath);
    const registry = createRegistry(database);
    return {
      database,
      registry,
      isCopiedBack: isCopy(mark, marks),
      markRun: () => markRun(directory, database, mark),
      keys,
      paths,
      publicUrl: registry.settings.get(settingKeys.publicUrl),
      agentUrl: registry.settings.get(settingKeys.agentUrl),
      hosts: JSON.parse(registry.settings.get(settingKeys.hosts) ?? '[]') as string[],
      close() {
        database.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw databaseError(error, databasePath);
  }
}

function lockFor(directory: string): StateLock {
  try {
    return lockStateDirectory(directory, 'a CCM');
  } catch (error) {
    throw databaseError(error, join(directory, 'lock'));
  }
}

export interface CcmInit {
  readonly directory: string;
  /** Origins without trailing slash. */
  readonly publicUrl?: string;
  readonly agentUrl?: string;
  /** Further names and addresses for the certificate of the agents' port. */
  readonly hosts?: readonly string[];
}

/** Makes a state directory with keys, database and a first token. Throws ALREADY_EXISTS when it has one. */
export async function initCcm(options: CcmInit): Promise<{ readonly adminToken: string }> {
  const { directory, publicUrl, agentUrl, hosts = [] } = options;
  if (isMade(join(directory, 'ccm.db'))) {
    throw new TreecastError('ALREADY_EXISTS', `There is a CCM in ${directory} already.`, {
      fix: 'Run it with `treecast ccm run`, or choose another directory; remove this one if its `ccm init` was cut off before it showed a token.',
    });
  }
  const opened = await openCcmState(directory, { create: true });
  try {
    const { settings, tokens } = opened.registry;
    if (publicUrl !== undefined) settings.set(settingKeys.publicUrl, publicUrl);
    if (agentUrl !== undefined) settings.set(settingKeys.agentUrl, agentUrl);
    const named = agentUrl === undefined ? hosts : [new URL(agentUrl).hostname, ...hosts];
    settings.set(settingKeys.hosts, JSON.stringify(named));
    return { adminToken: tokens.create({ name: 'admin', roles: ['admin', 'author'] }, 'ccm init').secret };
  } finally {
    opened.close();
  }
}

/** Not there, or never written. */
async function isEmpty(path: string): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size === 0,
    () => true,
  );
}

/** Whether `ccm init` came as far as its token; one that was killed before is made good by the next. */
function isMade(databasePath: string): boolean {
  if (!existsSync(databasePath)) return false;
  const database = new DatabaseSync(databasePath, { readOnly: true, timeout: 5_000 });
  try {
    return database.prepare('select 1 from tokens limit 1').get() !== undefined;
  } catch (error) {
    // Its tables were not made yet.
    return !(error instanceof Error && /no such table/.test(error.message));
  } finally {
    database.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
