// The tree of group leaders: the operator's order by group, what is measured of each leader, and what a segment may move between itself and elsewhere
// (null: no limit).

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const statements: readonly string[] = [
  `alter table segments add column wan_rate text check (json_valid(wan_rate))`,
  `alter table groups add column leader_order text not null default '[]' check (json_valid(leader_order))`,
  `create table leader_measures (
    node text primary key,
    delay_ms real,
    up_bytes_per_second real,
    down_bytes_per_second real,
    x real,
    y real,
    height real,
    done integer not null,
    failed integer not null,
    updated_at integer not null,
    check ((x is null) = (y is null) and (y is null) = (height is null))
  ) strict, without rowid`,
];

export const tree: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
};
