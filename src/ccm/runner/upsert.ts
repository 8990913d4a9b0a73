// Insert-or-replace statements that are compiled once and bound per row: the core writes dozens of rows a push.

import type { Query } from '../db/ccm-database.ts';
import { rawQuery } from '../db/raw-query.ts';
import type { Schema } from '../db/schema.ts';

type Table = keyof Schema & string;

/** A function from a row to a query that inserts it, or updates every other column when a row with these keys exists. */
export function createUpsert<T extends Table, Column extends keyof Schema[T] & string>(
  table: T,
  keys: readonly Column[],
  columns: readonly Column[],
): (row: Readonly<Record<Column, string | number | null>>) => Query {
  const quote = (name: string) => `"${name}"`;
  const updates = columns
    .filter((column) => !keys.includes(column))
    .map((column) => `${quote(column)} = excluded.${quote(column)}`);
  const sql = `insert into ${quote(table)} (${columns.map(quote).join(', ')}) values (${columns.map(() => '?').join(', ')}) on conflict (${keys.map(quote).join(', ')}) do update set ${updates.join(', ')}`;
  return (row) =>
    rawQuery(
      sql,
      columns.map((column) => row[column]),
    );
}
