// Node's built-in SQLite in the shape that Kysely's SqliteDialect expects, with prepared statements kept by their text.
// It decides how values cross (booleans become 0 and 1) and nothing else.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** Distinct texts are few (code builds them), but `in (?, ?, …)` and multi-row inserts vary with their size. */
const statementsMax = 500;

export interface WriteResult {
  readonly changes: number;
  readonly lastInsertRowid: number;
}

class Statement implements SqliteStatement {
  readonly reader: boolean;
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    this.#statement = statement;
    this.reader = statement.columns().length > 0;
  }

  all(parameters: readonly unknown[]): unknown[] {
    return this.#statement.all(...bind(parameters));
  }

  run(parameters: readonly unknown[]): WriteResult {
    return this.#statement.run(...bind(parameters)) as WriteResult;
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.#statement.iterate(...bind(parameters));
  }
}

export interface SqliteAdapter extends SqliteDatabase {
  prepare(sql: string): Statement;
}

export function createSqliteAdapter(raw: DatabaseSync): SqliteAdapter {
  const statements = new Map<string, Statement>();
  return {
    prepare(sql) {
      const known = statements.get(sql);
      if (known) return known;
      const statement = new Statement(raw.prepare(sql));
      if (statements.size >= statementsMax) {
        const [oldest] = statements.keys();
        statements.delete(oldest as string);
      }
      statements.set(sql, statement);
      return statement;
    },
    close() {
      statements.clear();
      raw.close();
    },
  };
}

function bind(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => (typeof value === 'boolean' ? (value ? 1 : 0) : (value as SQLInputValue)));
}
