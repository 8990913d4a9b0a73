// What plugins owe: one row a call of a hook that is to be made, until it has succeeded or was given up.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const statements: readonly string[] = [
  `create table plugin_tasks (
    id integer primary key autoincrement,
    plugin text not null,
    hook text not null,
    site text not null,
    job text,
    payload text not null check (json_valid(payload)),
    pass integer not null default 1,
    state text not null default 'owed' check (state in ('owed', 'done', 'failed')),
    attempts integer not null default 0,
    not_before integer not null,
    error text check (json_valid(error)),
    note text,
    created_at integer not null,
    ended_at integer
  ) strict`,
  "create index plugin_tasks_owed on plugin_tasks (plugin, hook, site, pass, id) where state = 'owed'",
  'create index plugin_tasks_ended on plugin_tasks (ended_at) where ended_at is not null',
  'create index plugin_tasks_by_job on plugin_tasks (job)',
];

export const pluginTasks: Migration = {
  async up(database: Kysely<never>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(database);
  },
};
