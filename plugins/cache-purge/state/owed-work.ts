// What a target still has to forget of a site: kept over tries, jobs and restarts, until it is done. A try of the same call that
// failed in part leaves only the rest; another job's work comes on top of what is owed from before.

import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './state-database.ts';

export interface OwedPlace {
  readonly site: string;
  readonly cache: string;
  readonly target: string;
}

export interface OwedWork {
  /** What is to be done now; `call` names job and pass. */
  due(place: OwedPlace, call: string, items: readonly string[]): string[];
  /** After a try: what is left. */
  tried(place: OwedPlace, call: string, left: readonly string[]): void;
  /** Every target of the site is done with this call: the next one does all of its work. */
  finished(site: string): void;
}

export function owedWork(database: DatabaseSync): OwedWork {
  const lastCall = database.prepare('SELECT call FROM tried WHERE site = ? AND cache = ? AND target = ?');
  const items = database.prepare(
    'SELECT item FROM owed WHERE site = ? AND cache = ? AND target = ? ORDER BY item',
  );
  const clear = database.prepare('DELETE FROM owed WHERE site = ? AND cache = ? AND target = ?');
  const add = database.prepare('INSERT OR IGNORE INTO owed (site, cache, target, item) VALUES (?, ?, ?, ?)');
  const note = database.prepare(
    'INSERT INTO tried (site, cache, target, call) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET call = excluded.call',
  );
  const forget = database.prepare('DELETE FROM tried WHERE site = ?');

  return {
    due({ site, cache, target }, call, wanted) {
      const owed = items.all(site, cache, target).map((row) => String(row['item']));
      if (lastCall.get(site, cache, target)?.['call'] === call) return owed;
      return [...new Set([...wanted, ...owed])];
    },
    tried({ site, cache, target }, call, left) {
      transaction(database, () => {
        clear.run(site, cache, target);
        for (const item of left) add.run(site, cache, target, item);
        note.run(site, cache, target, call);
      });
    },
    finished(site) {
      forget.run(site);
    },
  };
}
