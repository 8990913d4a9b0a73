// R9.3: what caches are known to hold, and what they owe, is kept over restarts and bounded.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { knownObjects } from './known-objects.ts';
import { owedWork } from './owed-work.ts';
import { openStateDatabase } from './state-database.ts';

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-known-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('R9.3 what a cache held when it was purged, and what was warmed since', (context) => {
  const directory = temporary(context);
  let nowMs = 1_000;
  const database = openStateDatabase(directory);
  const known = knownObjects(database, { rowsMax: 100, now: () => nowMs });
  known.purged('edge', 'docs', ['/a', '/b', '/c'], ['/a', '/b']);
  assert.deepEqual(known.missed('edge', 'docs', 10), ['/a', '/b'], '/c was not held');
  assert.equal(known.count('edge'), 0);
  nowMs = 2_000;
  known.seen('edge', 'docs', ['/b', '/d'], 'warmed');
  assert.deepEqual(known.missed('edge', 'docs', 10), ['/a']);
  assert.equal(known.count('edge'), 2);
  nowMs = 3_000;
  known.purged('edge', 'docs', ['/d'], undefined);
  database.close();
  const again = openStateDatabase(directory);
  const later = knownObjects(again, { rowsMax: 100 });
  assert.deepEqual(later.list('edge'), [
    { url: '/a', sinceMs: 1_000, how: 'purged', times: 1, purgedMs: 1_000 },
    { url: '/b', sinceMs: 2_000, how: 'warmed', times: 2, purgedMs: null },
    { url: '/d', sinceMs: 2_000, how: 'warmed', times: 1, purgedMs: 3_000 },
  ]);
  assert.deepEqual(later.heldOf('edge', ['/z', '/a', '/b']), ['/b', '/a'], 'found most often first');
  assert.deepEqual(later.missed('edge', 'docs', 1), ['/d']);
  later.emptied('edge', 'docs');
  assert.equal(later.count('edge'), 0);
  again.close();
});

test('the list is bounded: the oldest rows go', (context) => {
  const database = openStateDatabase(temporary(context));
  context.after(() => database.close());
  let nowMs = 0;
  const known = knownObjects(database, { rowsMax: 10, now: () => nowMs });
  for (let index = 0; index < 25; index += 1) {
    nowMs = index;
    known.seen('edge', 'docs', [`/${String(index).padStart(2, '0')}`], 'read back');
  }
  assert.deepEqual(
    known.list('edge').map(({ url }) => url),
    Array.from({ length: 10 }, (_, index) => `/${index + 15}`),
  );
});

test('a state file that is damaged is made anew', (context) => {
  const directory = temporary(context);
  writeFileSync(
    join(directory, 'caches.db'),
    'this is no database, and longer than a header of one '.repeat(40),
  );
  const database = openStateDatabase(directory);
  assert.equal(knownObjects(database, { rowsMax: 10 }).count('edge'), 0);
  database.close();
});

test('nothing stale is ever forgotten, nothing refused untold: whatever fails, in whichever order jobs come', (context) => {
  const database = openStateDatabase(temporary(context));
  context.after(() => database.close());
  let site = 0;
  const items = fc.uniqueArray(fc.constantFrom<string[]>('/a', '/b', '/c', '/d', '*'), { maxLength: 5 });
  const tries = fc.array(
    fc.record({ call: fc.constantFrom('j1/1', 'j1/2', 'j2/1'), wanted: items, fails: items, refuses: items }),
    {
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(tries, (list) => {
      site += 1;
      const owed = owedWork(database);
      const place = { site: `s${site}`, cache: 'edge', target: 't' };
      let stale = new Set<string>();
      let last = '';
      let refused = new Map<string, string>();
      for (const { call, wanted, fails, refuses } of list) {
        // The same call again wants nothing new: its items were added when it came first.
        if (call !== last) stale = new Set([...stale, ...wanted]);
        const { items: due, refused: told } = owed.due(place, call, wanted);
        if (call !== last) refused = new Map();
        assert.deepEqual(
          told.flatMap(({ items: list, reason }) => list.map((item) => `${item} ${reason}`)).sort(),
          [...refused].map(([item, reason]) => `${item} ${reason}`).sort(),
        );
        assert.deepEqual(due.toSorted(), [...stale].sort());
        const left = due.filter((item) => fails.includes(item));
        for (const item of due)
          if (refuses.includes(item) && !left.includes(item)) refused.set(item, `no ${item}`);
        const all = [...refused].map(([item, reason]) => ({ items: [item], reason }));
        owed.tried(place, call, { left, refused: all });
        stale = new Set(left);
        last = call;
        if (left.length === 0) {
          owed.finished(place.site);
          last = '';
        }
      }
    }),
    { numRuns: 60 },
  );
});
