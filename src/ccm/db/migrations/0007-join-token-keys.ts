// Whose key a join token was used up for, so that a join whose answer was lost with the CCM may be repeated.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const joinTokenKeys: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    await sql.raw('alter table join_tokens add column used_key text').execute(database);
  },
};
