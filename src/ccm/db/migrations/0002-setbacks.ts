// Migration 2: why a node does not serve the last decision as it should. No hello tells it, so the CCM keeps it.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const setbacks: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    await sql
      .raw('alter table node_sites add column setback text check (json_valid(setback))')
      .execute(database);
  },
};
