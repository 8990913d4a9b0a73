// How much a segment's leader may send by multicast; null: as much as its network carries.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const segmentRates: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    await sql`alter table segments add column rate text check (json_valid(rate))`.execute(database);
  },
};
