// Which content key an assignment is sealed with, so that a key goes when nothing needs it any more.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const assignmentContentKeys: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    // Null for those from before, which may be sealed with any of their site's keys.
    await sql.raw('alter table assignments add column content_key text').execute(database);
  },
};
