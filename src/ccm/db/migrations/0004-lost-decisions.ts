// A decision that a node handed in and this database does not know: it was copied back from a backup. No start may forget that.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const lostDecisions: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    await sql
      .raw('alter table sites add column lost_decision text check (json_valid(lost_decision))')
      .execute(database);
  },
};
