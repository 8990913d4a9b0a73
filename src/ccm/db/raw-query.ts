// SQL text that is the same every time, bound to new parameters: for statements run too often to be built by Kysely each time.

import { CompiledQuery } from 'kysely';
import type { Query } from './ccm-database.ts';

export function rawQuery<Row>(sql: string, parameters: readonly (string | number | null)[]): Query<Row> {
  return { compile: () => CompiledQuery.raw(sql, [...parameters]) };
}
