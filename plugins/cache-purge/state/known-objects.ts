// R9.3: what each cache is known to hold, and was found to hold when it was purged. A bounded list: the oldest rows go first.
// It is knowledge, not truth: caches evict on their own, and readers fill them. So it chooses samples and warm-ups, never what is purged.

import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './state-database.ts';

/** `purged`: the cache said so when it forgot it; `warmed`, `read back`: it answered for it. */
export type KnownHow = 'purged' | 'warmed' | 'read back';

export interface KnownObject {
  readonly url: string;
  readonly sinceMs: number;
  readonly how: KnownHow;
  /** How often it was found there. */
  readonly times: number;
  /** Null while it is held. */
  readonly purgedMs: number | null;
}

export interface KnownObjects {
  /** The cache answered for these. */
  seen(cache: string, site: string, urls: readonly string[], how: KnownHow): void;
  /** Purged now. `held`: what the cache said it held; undefined when it does not say. */
  purged(cache: string, site: string, urls: readonly string[], held: readonly string[] | undefined): void;
  /** Everything of a site was purged. */
  emptied(cache: string, site: string): void;
  /** Those of `urls` that it holds, or held when it was purged; found most often first. */
  heldOf(cache: string, urls: readonly string[]): string[];
  /** Purged and not seen since; found most often first. */
  missed(cache: string, site: string, rowsMax: number): string[];
  list(cache: string): KnownObject[];
  /** How many it is known to hold now. */
  count(cache: string): number;
}

export function knownObjects(
  database: DatabaseSync,
  { rowsMax, now = Date.now }: { readonly rowsMax: number; readonly now?: () => number },
): KnownObjects {
  const insert = database.prepare(`
    INSERT INTO known (cache, url, site, since_ms, how, times, purged_ms) VALUES (?, ?, ?, ?, ?, 1, ?)
    ON CONFLICT DO UPDATE SET since_ms = excluded.since_ms, how = excluded.how, times = times + 1, purged_ms = excluded.purged_ms
  `);
  const forget = database.prepare(
    'UPDATE known SET purged_ms = ? WHERE cache = ? AND url = ? AND purged_ms IS NULL',
  );
  const forgetSite = database.prepare(
    'UPDATE known SET purged_ms = ? WHERE cache = ? AND site = ? AND purged_ms IS NULL',
  );
  const one = database.prepare('SELECT times FROM known WHERE cache = ? AND url = ?');
  const missing = database.prepare(
    'SELECT url FROM known WHERE cache = ? AND site = ? AND purged_ms IS NOT NULL ORDER BY times DESC, purged_ms DESC, url LIMIT ?',
  );
  const rows = database.prepare(
    'SELECT url, since_ms AS sinceMs, how, times, purged_ms AS purgedMs FROM known WHERE cache = ? ORDER BY url',
  );
  const counted = database.prepare(
    'SELECT count(*) AS count FROM known WHERE cache = ? AND purged_ms IS NULL',
  );
  const total = database.prepare('SELECT count(*) AS count FROM known');
  const trim = database.prepare(
    'DELETE FROM known WHERE (cache, url) IN (SELECT cache, url FROM known ORDER BY since_ms, url LIMIT ?)',
  );

  function change(work: () => void): void {
    transaction(database, () => {
      work();
      const surplus = countOf(total.get()) - rowsMax;
      if (surplus > 0) trim.run(surplus);
    });
  }

  return {
    seen(cache, site, urls, how) {
      change(() => {
        for (const url of urls) insert.run(cache, url, site, now(), how, null);
      });
    },
    purged(cache, site, urls, held) {
      const at = now();
      change(() => {
        const found = new Set(held);
        for (const url of urls) {
          if (found.has(url)) insert.run(cache, url, site, at, 'purged', at);
          else forget.run(at, cache, url);
        }
      });
    },
    emptied(cache, site) {
      forgetSite.run(now(), cache, site);
    },
    heldOf(cache, urls) {
      const found = urls.flatMap((url) => {
        const row = one.get(cache, url);
        return row === undefined ? [] : [{ url, times: Number(row['times']) }];
      });
      return found.sort((a, b) => b.times - a.times).map(({ url }) => url);
    },
    missed: (cache, site, limit) => missing.all(cache, site, limit).map((row) => String(row['url'])),
    list: (cache) => rows.all(cache).map((row) => ({ ...row }) as unknown as KnownObject),
    count: (cache) => countOf(counted.get(cache)),
  };
}

function countOf(row: Record<string, unknown> | undefined): number {
  return Number(row?.['count'] ?? 0);
}
