// N22: every path's time is the publish that last changed it, rises with every change, and follows the lineage through rollbacks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lineage } from '../core/state.ts';
import { openDatabase } from '../db/open-database.ts';
import { createRegistry } from '../registry/registry.ts';
import { createPathTimes } from './path-times.ts';

const site = 'sample';
const tree = 'a'.repeat(40);

async function openTimes() {
  const database = await openDatabase(':memory:');
  const registry = createRegistry(database);
  registry.sites.create({ name: site }, 'test');
  const pathTimes = createPathTimes(database);
  async function publish(
    sequence: number,
    acceptedAt: number,
    live: Lineage | null,
    paths: string[],
    supersedes: { after: number } | null = null,
  ) {
    const changes = paths.map((path) => ({ path, after: { mode: '100644', id: tree } }));
    const { lineage, times } = await pathTimes.forPublish({ site, sequence, acceptedAt, live, changes });
    await pathTimes.write(site, sequence, times);
    if (supersedes !== null)
      database.run(pathTimes.supersede(site, { after: supersedes.after, before: sequence }));
    decide(sequence, lineage);
    return lineage;
  }
  function decide(sequence: number, lineage: Lineage, epoch = 1) {
    database.run(
      database.queries.insertInto('snapshots').values({
        site,
        job: `j${sequence}`,
        epoch,
        sequence,
        commit_id: null,
        base_tree: tree,
        tree,
        at: 0,
        previous: null,
        content_sequence: lineage.contentSequence,
        base_sequence: lineage.baseSequence,
        base_mtime: lineage.baseMtime,
      }),
    );
  }
  const sequences = () =>
    database
      .all(database.queries.selectFrom('path_times').select('sequence').distinct().orderBy('sequence'))
      .map((row) => row.sequence);
  return { database, registry, pathTimes, publish, decide, sequences };
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

test('N22 the times of an attempt that was not decided are in no later tree', async () => {
  const { pathTimes, publish, sequences, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a', 'b']);
  await pathTimes.write(site, 2, new Map([['a', 9_000]]));
  assert.deepEqual(await pathTimes.ofTree(site, first, ['a']), new Map([['a', 1_000]]));
  pathTimes.drop(site, 2);
  const third = await publish(3, 1_500, first, ['b']);
  assert.deepEqual(
    await pathTimes.ofTree(site, third, ['a', 'b']),
    new Map([
      ['a', 1_000],
      ['b', third.baseMtime + 500],
    ]),
  );
  assert.deepEqual(sequences(), [3]);
  database.close();
});

test('N22 an attempt that is dropped while its times are written leaves none of them', async () => {
  const { pathTimes, sequences, database } = await openTimes();
  const many = new Map(Array.from({ length: 4_500 }, (_, index) => [`p${index}`, 2_000]));
  const writing = pathTimes.write(site, 2, many);
  const queued = pathTimes.write(site, 3, many);
  await new Promise(setImmediate);
  assert.deepEqual(sequences(), [2], 'it has begun');
  pathTimes.drop(site, 2);
  pathTimes.drop(site, 3);
  await Promise.all([writing, queued, pathTimes.write(site, 4, new Map([['a', 3_000]]))]);
  assert.deepEqual(sequences(), [4]);
  database.close();
});

test('the times of many paths are written in slices, between which others have their turn', async () => {
  const { pathTimes, database } = await openTimes();
  const many = new Map(Array.from({ length: 10_000 }, (_, index) => [`p${index}`, 2_000]));
  let turns = 0;
  let done = false;
  const count = () => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await pathTimes.write(site, 1, many);
  done = true;
  assert.ok(turns >= 5, `${turns} turns`);
  const lineage = { contentSequence: 1, baseSequence: 1, baseMtime: 1_000 };
  assert.deepEqual(await pathTimes.ofTree(site, lineage, many.keys()), many);
  database.close();
});

test('N22 what a crash left undecided is dropped at start; what was decided stays, also when it was rolled back', async () => {
  const { pathTimes, publish, decide, sequences, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a']);
  await publish(2, 1_500, first, ['a']);
  decide(3, first);
  await pathTimes.write(site, 4, new Map([['b', 9_000]]));
  assert.deepEqual(sequences(), [2, 4]);
  const restarted = createPathTimes(database);
  await restarted.write(site, 5, new Map());
  assert.deepEqual(sequences(), [2]);
  database.close();
});

test('N22 what a crash left undecided of a site is found though a removed namesake got further', async () => {
  const { registry, pathTimes, publish, decide, sequences, database } = await openTimes();
  const first = await publish(1, 1_000, null, ['a']);
  await publish(7, 1_500, first, ['a']);
  registry.sites.remove(site, 'test');
  registry.sites.create({ name: site }, 'test');
  await pathTimes.write(site, 2, new Map([['a', 9_000]]));
  decide(2, { ...first, contentSequence: 2 }, 2);
  await pathTimes.write(site, 3, new Map([['a', 9_000]]));
  const restarted = createPathTimes(database);
  await restarted.write(site, 4, new Map());
  assert.deepEqual(sequences(), [2]);
  database.close();
});
