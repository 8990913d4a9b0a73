// N22: every path's time is the publish that last changed it, rises with every change, and follows the lineage through rollbacks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lineage } from '../core/state.ts';
import { openDatabase } from '../db/open-database.ts';
import { createRegistry } from '../registry/registry.ts';
import { createPathTimes } from './path-times.ts';

const site = 'sample';

async function openTimes() {
  const database = await openDatabase(':memory:');
  createRegistry(database).sites.create({ name: site }, 'test');
  const pathTimes = createPathTimes(database);
  async function publish(
    sequence: number,
    acceptedAt: number,
    live: Lineage | null,
    paths: string[],
    supersedes: { after: number } | null = null,
  ) {
    const changes = paths.map((path) => ({ path, after: { mode: '100644', id: 'a'.repeat(40) } }));
    const { lineage, times } = await pathTimes.forPublish({ site, sequence, acceptedAt, live, changes });
    database.writeBatch(pathTimes.rows(site, sequence, times, supersedes));
    return lineage;
  }
  return { database, pathTimes, publish };
}

test('N22 the first publish writes no rows: every path has its time', async () => {
  const { pathTimes, publish, database } = await openTimes();
  const lineage = await publish(1, 1_000, null, ['a', 'b']);
  assert.deepEqual(
    await pathTimes.ofTree(site, lineage, ['a', 'b']),
    new Map([
      ['a', 1_000],
      ['b', 1_000],
    ]),
  );
  database.close();
});

test('N22 a change in the same second is a second later, and unchanged paths keep their time', async () => {
  const { pathTimes, publish, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a', 'b']);
  const second = await publish(2, 1_000, first, ['a']);
  const third = await publish(3, 1_000, second, ['a']);
  assert.deepEqual(
    await pathTimes.ofTree(site, third, ['a', 'b']),
    new Map([
      ['a', 1_002],
      ['b', 1_000],
    ]),
  );
  assert.deepEqual(
    await pathTimes.ofTree(site, second, ['a']),
    new Map([['a', 1_001]]),
    'the older tree keeps its own',
  );
  database.close();
});

test('N22 a publish after a rollback never reuses a time of the release that was rolled back', async () => {
  const { pathTimes, publish, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a', 'b']);
  await publish(2, 1_500, first, ['a', 'b']);
  const after = await publish(4, 1_500, first, ['a'], { after: first.contentSequence });
  assert.deepEqual(
    await pathTimes.ofTree(site, after, ['a', 'b']),
    new Map([
      ['a', 1_501],
      ['b', 1_000],
    ]),
  );
  database.close();
});

test('N22 a tree published over nothing starts above every time there was', async () => {
  const { pathTimes, publish, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a']);
  await publish(2, 5_000, first, ['a']);
  const fresh = await publish(3, 2_000, null, ['a', 'b']);
  assert.deepEqual(
    await pathTimes.ofTree(site, fresh, ['a', 'b']),
    new Map([
      ['a', 5_001],
      ['b', 5_001],
    ]),
  );
  database.close();
});
