// Every certificate a node was given, and what ended it: renewals overlap, and a removed one is known for what it is.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What certificates lasted before they were renewed. */
const formerLifeMs = 10 * 365 * 86_400_000;

const statements: readonly string[] = [
  `create table node_certificates (
    id integer primary key autoincrement,
    fingerprint text not null unique,
    serial text not null,
    node text not null references nodes (name) on delete cascade,
    authority text,
    issued_at integer not null,
    expires_at integer not null,
    ended_at integer,
    ended_by text check (ended_by in ('renewed', 'removed')),
    check ((ended_at is null) = (ended_by is null))
  ) strict`,
  'create index node_certificates_by_node on node_certificates (node, id)',
  `insert into node_certificates (fingerprint, serial, node, authority, issued_at, expires_at, ended_at, ended_by)
    select certificate_fingerprint, certificate_serial, name, null, joined_at, joined_at + ${formerLifeMs},
      removed_at, case when removed_at is null then null else 'removed' end from nodes`,
];

export const nodeCertificates: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
};
