// A new admin token out of the state directory itself, for when the last one was lost. Whoever may write the directory may do anything
// anyway. A CCM that runs meanwhile takes it up at once.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TreecastError } from '../model/treecast-error.ts';
import { openDatabaseBeside } from './db/open-database.ts';
import { createRegistry } from './registry/registry.ts';

/** Throws NOT_FOUND, FORBIDDEN (another user's directory), ALREADY_EXISTS (the name), CONFLICT (another version's database). */
export async function recoverToken(directory: string, name: string): Promise<string> {
  const path = join(directory, 'ccm.db');
  if (!existsSync(path)) {
    throw new TreecastError('NOT_FOUND', `There is no CCM in ${directory}.`, {
      fix: 'Give the state directory of the CCM with --dir.',
    });
  }
  const { uid } = statSync(path);
  if (uid !== process.getuid?.()) {
    throw new TreecastError('FORBIDDEN', `${path} belongs to another user (${uid}).`, {
      fix: `Run this as that user: sudo -u '#${uid}' treecast ccm token --dir ${directory}`,
    });
  }
  const database = await openDatabaseBeside(path);
  try {
    return createRegistry(database).tokens.create({ name, roles: ['admin', 'author'] }, 'ccm token').secret;
  } finally {
    database.close();
  }
}
