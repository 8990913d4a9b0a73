// Segments: what they are called, where their control messages go, whom the CCM accepted last and what that one reported; and which
// segment a node belongs to, why, and what it may be there.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const statements: readonly string[] = [
  `create table segments (
    id text primary key check (length(id) = 32),
    name text not null unique,
    created_at integer not null,
    transport text not null check (transport in ('multicast', 'unicast')),
    channel_group text,
    channel_port integer not null check (channel_port between 1 and 65535),
    leader text,
    leader_term integer,
    accepted_at integer,
    report text check (json_valid(report)),
    reported_at integer,
    check ((leader is null) = (leader_term is null)),
    check ((report is null) = (reported_at is null))
  ) strict, without rowid`,
  'alter table nodes add column segment text references segments (id) on delete set null',
  `alter table nodes add column segment_by text check (segment_by in ('token', 'heard', 'new', 'operator'))`,
  `alter table nodes add column lead_role text not null default 'allowed' check (lead_role in ('never', 'allowed', 'preassigned'))`,
  'alter table nodes add column lead_factor real not null default 1 check (lead_factor between 0 and 100)',
  'create index nodes_by_segment on nodes (segment)',
  'alter table join_tokens add column segment text references segments (id) on delete set null',
];

export const segments: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
};
