// Opens (or makes) the CCM's SQLite file: pragmas, migrations, and the synchronous transactions of ccm-database.ts.
// Ownership of the state directory is not judged here (its lock is), so a second connection may read beside.

import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase, Query, TransactionOptions } from './ccm-database.ts';
import { databaseError } from './database-error.ts';
import { migrate, migrations } from './migrate.ts';
import type { Schema } from './schema.ts';
import { createSqliteAdapter, type SqliteAdapter, type WriteResult } from './sqlite-adapter.ts';

/** The event loop stands still meanwhile; whoever can wait longer tries again (core-runner.ts). */
const busyTimeoutMs = 1_000;
/** A backstop: checkpoints belong to idle moments (`checkpoint()`), they cost several disk syncs. 4 KiB pages. */
const checkpointPagesMax = 4_000;

/** `path` may be `:memory:`. Throws STATE_CORRUPT when the file is not a database of ours, or of a newer version, else DATABASE_UNAVAILABLE. */
export async function openDatabase(path: string): Promise<CcmDatabase> {
  const raw = openFile(path);
  try {
    const adapter = createSqliteAdapter(raw);
    const queries = new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapter }) });
    await migrate(raw, queries, path);
    failpoint('ccm.database.migrated');
    return createCcmDatabase(raw, adapter, queries, path);
  } catch (error) {
    if (raw.isOpen) raw.close();
    throw databaseError(error, path);
  }
}

/** A second connection beside a CCM that may run: changes no tables. Throws CONFLICT when they are another version's. */
export async function openDatabaseBeside(path: string): Promise<CcmDatabase> {
  const raw = openFile(path);
  try {
    const adapter = createSqliteAdapter(raw);
    const applied = adapter.prepare('select name from kysely_migration order by name').all([]);
    if (applied.map((row) => (row as { name: string }).name).join() !== Object.keys(migrations).join()) {
      throw new TreecastError('CONFLICT', `The database ${path} is of another version of Treecast.`, {
        fix: 'Use the program that runs this CCM; after an upgrade, start the CCM once first.',
      });
    }
    const queries = new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapter }) });
    return createCcmDatabase(raw, adapter, queries, path);
  } catch (error) {
    if (raw.isOpen) raw.close();
    throw databaseError(error, path);
  }
}

function openFile(path: string): DatabaseSync {
  try {
    // It holds content keys: made with mode 0600, and SQLite gives its -wal and -shm files the same.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    const raw = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
    raw.exec(`
      pragma journal_mode = wal;
      pragma synchronous = normal;
      pragma wal_autocheckpoint = ${checkpointPagesMax};
      pragma temp_store = memory;
      pragma trusted_schema = off;
    `);
    return raw;
  } catch (error) {
    throw databaseError(error, path);
  }
}

function createCcmDatabase(
  raw: DatabaseSync,
  adapter: SqliteAdapter,
  queries: Kysely<Schema>,
  path: string,
): CcmDatabase {
  let open = false;
  /** The level that the connection is set to. */
  let durable = false;
  let callbacks: (() => void)[] = [];

  /** What SQLite throws gets a code. */
  function coded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw databaseError(error, path);
    }
  }

  function all<Row>(query: Query<Row>): Row[] {
    const { sql, parameters } = query.compile();
    return coded(() => adapter.prepare(sql).all(parameters) as Row[]);
  }

  function run(query: Query): WriteResult {
    const { sql, parameters } = query.compile();
    return coded(() => adapter.prepare(sql).run(parameters));
  }

  function begin(wantsDurable: boolean): void {
    // SQLite refuses to change this level inside a transaction, so it is set before.
    if (wantsDurable !== durable) {
      coded(() => raw.exec(`pragma synchronous = ${wantsDurable ? 'full' : 'normal'}`));
      durable = wantsDurable;
    }
    coded(() => adapter.prepare('begin immediate').run([]));
    open = true;
  }

  function rollback(): void {
    open = false;
    callbacks = [];
    if (raw.isTransaction) adapter.prepare('rollback').run([]);
  }

  function transaction<T>(work: () => T, options: TransactionOptions = {}): T {
    const wantsDurable = options.durable === true;
    if (open) {
      if (wantsDurable && !durable) throw new TypeError('A durable transaction cannot join one that is not.');
      return settled(work());
    }
    begin(wantsDurable);
    let result: T;
    try {
      result = settled(work());
      adapter.prepare('commit').run([]);
      open = false;
    } catch (error) {
      rollback();
      throw databaseError(error, path);
    }
    const done = callbacks;
    callbacks = [];
    for (const callback of done) callback();
    return result;
  }

  return {
    queries,
    all,
    first: (query) => all(query)[0],
    run,
    transaction,
    writeBatch(batch, options) {
      transaction(() => {
        for (const query of batch) run(query);
      }, options);
    },
    get inTransaction() {
      return open;
    },
    afterCommit(callback) {
      if (open) callbacks.push(callback);
      else callback();
    },
    checkpoint() {
      coded(() => raw.exec('pragma wal_checkpoint(passive)'));
    },
    foreignChanges: () =>
      (adapter.prepare('pragma data_version').all([])[0] as { data_version: number }).data_version,
    marked: () => coded(() => Number(raw.prepare('pragma user_version').get()?.['user_version'])),
    mark(number) {
      return coded(() => {
        raw.exec(`pragma user_version = ${number}`);
        return raw.prepare('pragma wal_checkpoint(truncate)').get()?.['busy'] === 0;
      });
    },
    close() {
      if (!raw.isOpen) return;
      adapter.close();
    },
  };
}

function settled<T>(result: T): T {
  if (result instanceof Promise) throw new TypeError('The work of a transaction must be synchronous.');
  return result;
}
