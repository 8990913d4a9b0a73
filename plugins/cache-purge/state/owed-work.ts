// What a target still has to forget of a site: kept over tries, jobs and restarts, until it is done. A try of the same call that
// failed in part leaves only the rest; another job's work comes on top of what is owed from before. What was refused is not tried again
// with the same call, but told with each of its tries: who is told of the last one is told of everything.

import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './state-database.ts';

export interface OwedPlace {
  readonly site: string;
  readonly cache: string;
  readonly target: string;
}

export interface RefusedItems {
  readonly items: readonly string[];
  readonly reason: string;
}

export interface OwedWork {
  /** What is to be done now, and what earlier tries were refused; `call` names job and pass. */
  due(
    place: OwedPlace,
    call: string,
    items: readonly string[],
  ): { readonly items: string[]; readonly refused: readonly RefusedItems[] };
  /** After a try: what is left, and what was refused so far. */
  tried(
    place: OwedPlace,
    call: string,
    after: { readonly left: readonly string[]; readonly refused: readonly RefusedItems[] },
  ): void;
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
  const refusals = database.prepare(
    'SELECT item, reason FROM refused WHERE site = ? AND cache = ? AND target = ? ORDER BY item',
  );
  const clearRefused = database.prepare('DELETE FROM refused WHERE site = ? AND cache = ? AND target = ?');
  const addRefused = database.prepare(
    'INSERT OR IGNORE INTO refused (site, cache, target, item, reason) VALUES (?, ?, ?, ?, ?)',
  );
  const note = database.prepare(
    'INSERT INTO tried (site, cache, target, call) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET call = excluded.call',
  );
  const forget = database.prepare('DELETE FROM tried WHERE site = ?');
  const forgetRefused = database.prepare('DELETE FROM refused WHERE site = ?');

  function refusedOf({ site, cache, target }: OwedPlace): RefusedItems[] {
    const rows = refusals.all(site, cache, target);
    const byReason = Map.groupBy(rows, ({ reason }) => String(reason));
    return [...byReason].map(([reason, list]) => ({ reason, items: list.map(({ item }) => String(item)) }));
  }

  return {
    due(place, call, wanted) {
      const { site, cache, target } = place;
      const owed = items.all(site, cache, target).map((row) => String(row['item']));
      if (lastCall.get(site, cache, target)?.['call'] === call)
        return { items: owed, refused: refusedOf(place) };
      return { items: [...new Set([...wanted, ...owed])], refused: [] };
    },
    tried({ site, cache, target }, call, { left, refused }) {
      transaction(database, () => {
        clear.run(site, cache, target);
        for (const item of left) add.run(site, cache, target, item);
        clearRefused.run(site, cache, target);
        for (const one of refused)
          for (const item of one.items) addRefused.run(site, cache, target, item, one.reason);
        note.run(site, cache, target, call);
      });
    },
    finished(site) {
      forget.run(site);
      forgetRefused.run(site);
    },
  };
}
