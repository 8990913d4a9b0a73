// Brings a database up to this version's tables, in one transaction, and refuses one that a newer version made. There is no way down.

import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { TreecastError } from '../../model/treecast-error.ts';
import { databaseError } from './database-error.ts';
import { first } from './migrations/0001-first.ts';
import { setbacks } from './migrations/0002-setbacks.ts';
import { pluginTasks } from './migrations/0003-plugin-tasks.ts';
import { lostDecisions } from './migrations/0004-lost-decisions.ts';
import { nodeCertificates } from './migrations/0005-node-certificates.ts';
import { assignmentContentKeys } from './migrations/0006-assignment-content-keys.ts';
import { joinTokenKeys } from './migrations/0007-join-token-keys.ts';
import { segments } from './migrations/0008-segments.ts';
import { segmentRates } from './migrations/0009-segment-rates.ts';
import { tree } from './migrations/0010-tree.ts';

/** In order; the names are stored in the database and never change. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-setbacks': setbacks,
  '0003-plugin-tasks': pluginTasks,
  '0004-lost-decisions': lostDecisions,
  '0005-node-certificates': nodeCertificates,
  '0006-assignment-content-keys': assignmentContentKeys,
  '0007-join-token-keys': joinTokenKeys,
  '0008-segments': segments,
  '0009-segment-rates': segmentRates,
  '0010-tree': tree,
};

/** Applies what is missing. Throws STATE_CORRUPT when the database knows migrations that this version does not. */
export async function migrate<T>(raw: DatabaseSync, database: Kysely<T>, path: string): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
  });
  // Kysely takes SQLite for a database without transactional DDL and opens none of its own, so that a crash would leave half of a migration.
  raw.exec('begin immediate');
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) {
    raw.exec('commit');
    return;
  }
  if (raw.isTransaction) raw.exec('rollback');
  const unknown = /previously executed migration (\S+) is missing/.exec(
    error instanceof Error ? error.message : '',
  );
  if (unknown === null) {
    const coded = databaseError(error, path);
    if (coded instanceof TreecastError) throw coded;
  }
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
