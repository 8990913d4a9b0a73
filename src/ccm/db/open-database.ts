// Opens (or makes) the CCM's SQLite file: pragmas, migrations, and the synchronous transactions of ccm-database.ts.
// Ownership of the state directory is not judged here (its lock is), so a second connection may read beside.

import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase, Query, TransactionOptions } from './ccm-database.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import { createSqliteAdapter, type SqliteAdapter, type WriteResult } from './sqlite-adapter.ts';

const busyTimeoutMs = 5_000;
/** A backstop: checkpoints belong to idle moments (`checkpoint()`), they cost several disk syncs. 4 KiB pages. */
const checkpointPagesMax = 4_000;

/** `path` may be `:memory:`. Throws STATE_CORRUPT when the file is not a database of ours, or of a newer version. */
export async function openDatabase(path: string): Promise<CcmDatabase> {
  const raw = openFile(path);
  try {
    const adapter = createSqliteAdapter(raw);
    const queries = new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapter }) });
    await migrate(queries, path);
    failpoint('ccm.database.migrated');
    return createCcmDatabase(raw, adapter, queries);
  } catch (error) {
    if (raw.isOpen) raw.close();
    throw error;
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
    throw new TreecastError('STATE_CORRUPT', `The database ${path} cannot be opened: ${messageOf(error)}.`, {
      cause: error,
      fix: 'Check that the file is a Treecast database and that this user may read and write it and its directory.',
    });
  }
}

function createCcmDatabase(raw: DatabaseSync, adapter: SqliteAdapter, queries: Kysely<Schema>): CcmDatabase {
  let open = false;
  /** The level that the connection is set to. */
  let durable = false;
  let callbacks: (() => void)[] = [];

  function all<Row>(query: Query<Row>): Row[] {
    const { sql, parameters } = query.compile();
    return adapter.prepare(sql).all(parameters) as Row[];
  }

  function run(query: Query): WriteResult {
    const { sql, parameters } = query.compile();
    return adapter.prepare(sql).run(parameters);
  }

  function begin(wantsDurable: boolean): void {
    // SQLite refuses to change this level inside a transaction, so it is set before.
    if (wantsDurable !== durable) {
      raw.exec(`pragma synchronous = ${wantsDurable ? 'full' : 'normal'}`);
      durable = wantsDurable;
    }
    adapter.prepare('begin immediate').run([]);
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
      throw error;
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
      raw.exec('pragma wal_checkpoint(passive)');
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
