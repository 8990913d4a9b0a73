// Migration 1: all tables of the first version. Never edited once released; later changes are later migrations.
// History (jobs, assignments, decisions, snapshots, events) has no foreign key to sites or nodes: it outlives them.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const statements = [
  `create table groups (
    name text primary key,
    selector text check (json_valid(selector))
  ) strict, without rowid`,

  `create table nodes (
    name text primary key,
    labels text not null default '{}' check (json_valid(labels)),
    agent_labels text not null default '{}' check (json_valid(agent_labels)),
    certificate_fingerprint text not null unique,
    certificate_serial text not null,
    joined_at integer not null,
    maintenance integer not null default 0 check (maintenance in (0, 1)),
    url text,
    agent_version text,
    free_bytes integer,
    last_seen_at integer,
    removed_at integer
  ) strict, without rowid`,

  `create table group_nodes (
    group_name text not null references groups (name) on delete cascade,
    node text not null references nodes (name) on delete cascade,
    primary key (group_name, node)
  ) strict, without rowid`,

  `create table snapshots (
    id integer primary key autoincrement,
    site text not null,
    job text not null,
    epoch integer not null,
    sequence integer not null,
    commit_id text,
    base_tree text not null,
    tree text not null,
    at integer not null,
    previous integer references snapshots (id),
    content_sequence integer not null,
    base_sequence integer not null,
    base_mtime integer not null
  ) strict`,
  'create index snapshots_by_site on snapshots (site, id)',

  `create table sites (
    name text primary key,
    repository text not null,
    branch text not null,
    group_name text not null references groups (name),
    policy text not null check (json_valid(policy)),
    created_at integer not null,
    epoch integer not null check (epoch >= 1),
    sequence integer not null default 0 check (sequence >= 0),
    head_handled text,
    live_snapshot integer references snapshots (id)
  ) strict, without rowid`,
  'create index sites_by_repository on sites (repository, branch)',
  'create index sites_by_group on sites (group_name)',

  `create table removed_sites (
    name text primary key,
    epoch integer not null,
    removed_at integer not null
  ) strict, without rowid`,

  `create table content_keys (
    site text not null references sites (name) on delete cascade,
    id text not null,
    key text not null,
    created_at integer not null,
    retired_at integer,
    primary key (site, id)
  ) strict, without rowid`,

  `create table node_sites (
    node text not null references nodes (name) on delete cascade,
    site text not null references sites (name) on delete cascade,
    phase text not null check (phase in ('empty', 'stale', 'receiving', 'held', 'staged', 'live', 'failed')),
    held text,
    staged_tree text,
    staged_epoch integer,
    staged_sequence integer,
    live_tree text,
    live_epoch integer,
    live_sequence integer,
    live_since integer,
    backup_tree text,
    backup_epoch integer,
    backup_sequence integer,
    receipt text check (json_valid(receipt)),
    error text check (json_valid(error)),
    primary key (site, node)
  ) strict, without rowid`,
  'create index node_sites_by_node on node_sites (node)',

  `create table jobs (
    id text not null unique,
    site text not null,
    type text not null check (type in ('publish', 'synchronize', 'rollback')),
    phase text not null check (phase in ('queued', 'deferred', 'planning', 'staging', 'committing', 'succeeded',
      'failed', 'superseded', 'aborted')),
    epoch integer,
    sequence integer,
    commit_id text,
    tree text,
    base_tree text,
    requested_by text not null,
    branch_head text,
    allow_delete integer not null default 0 check (allow_delete in (0, 1)),
    created_at integer not null,
    started_at integer,
    decided_at integer,
    ended_at integer,
    attempts integer not null default 0,
    not_before integer,
    files integer,
    assignment_bytes integer,
    error text check (json_valid(error))
  ) strict`,
  'create index jobs_by_site on jobs (site, created_at)',
  'create index jobs_by_time on jobs (created_at)',
  'create index jobs_open on jobs (site) where ended_at is null',

  `create table job_nodes (
    job text not null references jobs (id) on delete cascade,
    node text not null,
    state text not null check (state in ('left-out', 'pending', 'held', 'staged', 'live', 'stale', 'failed', 'lost')),
    staged_at integer,
    live_at integer,
    error text check (json_valid(error)),
    primary key (job, node)
  ) strict, without rowid`,

  `create table assignments (
    id text primary key,
    site text not null,
    epoch integer not null,
    sequence integer not null,
    part_index integer not null,
    part_of integer not null check (part_index between 1 and part_of),
    type text not null check (type in ('publish', 'replicate', 'synchronize', 'rollback', 'restore')),
    base_tree text not null,
    target_tree text not null,
    manifest_bytes integer not null,
    data_bytes integer not null,
    created_at integer not null
  ) strict, without rowid`,
  'create index assignments_by_release on assignments (site, epoch, sequence)',

  `create table decisions (
    site text not null,
    epoch integer not null,
    sequence integer not null,
    kind text not null check (kind in ('commit', 'rollback')),
    from_tree text,
    to_tree text not null,
    decided_at integer not null,
    signed text not null check (json_valid(signed)),
    job text not null,
    primary key (site, epoch, sequence)
  ) strict, without rowid`,

  `create table path_times (
    site text not null references sites (name) on delete cascade,
    path text not null,
    sequence integer not null,
    mtime integer not null,
    abandoned integer not null default 0 check (abandoned in (0, 1)),
    primary key (site, path, sequence)
  ) strict, without rowid`,
  'create index path_times_by_mtime on path_times (site, mtime)',
  'create index path_times_by_sequence on path_times (site, sequence)',

  `create table events (
    id integer primary key autoincrement,
    at integer not null,
    actor text not null,
    kind text not null,
    site text,
    job text,
    node text,
    data text not null check (json_valid(data))
  ) strict`,
  `create trigger events_never_change before update on events begin
    select raise(abort, 'the event log is append-only');
  end`,
  `create trigger events_never_go before delete on events begin
    select raise(abort, 'the event log is append-only');
  end`,

  `create table tokens (
    id text primary key,
    name text not null,
    hash text not null unique,
    roles text not null check (json_valid(roles)),
    sites text check (json_valid(sites)),
    created_at integer not null,
    expires_at integer,
    revoked_at integer
  ) strict, without rowid`,

  'create unique index tokens_by_name on tokens (name) where revoked_at is null',

  `create table join_tokens (
    id text primary key,
    hash text not null unique,
    created_at integer not null,
    expires_at integer not null,
    used_at integer,
    used_by text
  ) strict, without rowid`,

  `create table settings (
    key text primary key,
    value text not null
  ) strict, without rowid`,

  `insert into groups (name, selector) values ('all', '{}')`,
];

export const first: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
};
