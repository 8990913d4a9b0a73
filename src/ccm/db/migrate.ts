// Brings a database up to this version's tables, and refuses one that a newer version made. There is no way down.

import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { TreecastError } from '../../model/treecast-error.ts';
import { first } from './migrations/0001-first.ts';
import { setbacks } from './migrations/0002-setbacks.ts';
import { pluginTasks } from './migrations/0003-plugin-tasks.ts';

/** In order; the names are stored in the database and never change. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-setbacks': setbacks,
  '0003-plugin-tasks': pluginTasks,
};

/** Applies what is missing. Throws STATE_CORRUPT when the database knows migrations that this version does not. */
export async function migrate<T>(database: Kysely<T>, path: string): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const unknown = /previously executed migration (\S+) is missing/.exec(
    error instanceof Error ? error.message : '',
  );
  throw new TreecastError(
    'STATE_CORRUPT',
    unknown
      ? `The database ${path} was made by a newer version of Treecast (it has migration ${unknown[1]}).`
      : `The database ${path} could not be brought to this version's tables.`,
    {
      cause: error,
      fix: unknown
        ? 'Run that version, or restore the backup that was made before the upgrade.'
        : 'Look at the cause, check free space and permissions, and start again: nothing was changed half-way.',
    },
  );
}
