// What lies on the CCM's disk that nothing names: files of assignments without a row, temporaries, stale locks of Git.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export async function leftoversOnCcm(directory: string): Promise<string[]> {
  const known = assignmentsIn(join(directory, 'ccm.db'));
  const all = await readdir(directory, { recursive: true });
  const objects = /\/objects\//;
  return [
    ...(await readdir(join(directory, 'assignments'))).filter((name) => !known.has(name.split('.')[0] ?? '')),
    ...all.filter((name) => /(?:\.tmp|\.new)$/.test(name)),
    ...all.filter((name) => /^repositories\/.*\.lock$/.test(name)),
    ...all.filter((name) => objects.test(name) && /\/(?:tmp_|incoming-|\.tmp-)[^/]*$/.test(name)),
  ];
}

function assignmentsIn(path: string): Set<string> {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    const rows = database.prepare('select id from assignments').all() as { id: string }[];
    return new Set(rows.map(({ id }) => id));
  } finally {
    database.close();
  }
}
