// What is given back and what is not, with a real repository, real files and a real database.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createNativeGitSource } from '../../git-source/native-git-source.ts';
import { createTestRepository, file } from '../../git-source/test-repository.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { CoreState, Job } from '../core/state.ts';
import { openDatabase } from '../db/open-database.ts';
import { createAssignmentStore } from '../distribution/assignment-store.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadState } from '../runner/load-state.ts';
import { createRetention, type RetentionOptions } from './retention.ts';

const site = 'sample';

async function createSite(context: TestContext, releases: number) {
  const repository = await createTestRepository();
  const source = createNativeGitSource(repository.path);
  const directory = join(dirname(repository.path), 'assignments');
  mkdirSync(directory);
  const database = await openDatabase(':memory:');
  const { sites, contentKeys } = createRegistry(database);
  sites.create({ name: site }, 'test');
  const store = createAssignmentStore(directory, database);
  context.after(async () => {
    await source.close();
    database.close();
    repository.remove();
  });

  const trees: ObjectId[] = [];
  /** Of releases 1, 2, … in order. */
  const assignments: string[] = [];
  const { queries } = database;

  function addAssignment(sequence: number, name = site, contentKeyId?: string, type = 'publish'): string {
    const id = `${sequence}`.padStart(63, '0') + (name === site ? 'a' : 'b');
    const header = {
      id,
      site: name,
      release: { epoch: 1, sequence },
      part: { index: 1, of: 1 },
      type,
      baseTree: '',
      targetTree: '',
      data: { bytes: 4 },
      createdAt: sequence,
      key: contentKeyId === undefined ? null : { contentKeyId, wrapped: '' },
    } as unknown as AssignmentHeader;
    for (const kind of ['manifest', 'data']) writeFileSync(join(directory, `${id}.${kind}`), kind);
    store.record(header, 8, null);
    return id;
  }

  for (let sequence = 1; sequence <= releases; sequence++) {
    const tree = repository.writeTree({ 'index.html': file(`release ${sequence}`) });
    trees.push(tree);
    await source.keepTree(tree);
    assignments.push(addAssignment(sequence));
    const release = { epoch: 1, sequence };
    database.run(
      queries.insertInto('snapshots').values({
        id: sequence,
        site,
        job: `j${sequence}`,
        ...release,
        commit_id: null,
        base_tree: tree,
        tree,
        at: 0,
        previous: sequence === 1 ? null : sequence - 1,
        content_sequence: sequence,
        base_sequence: 1,
        base_mtime: 1,
      }),
    );
    database.run(
      queries.insertInto('decisions').values({
        site,
        ...release,
        kind: 'commit',
        from_tree: null,
        to_tree: tree,
        decided_at: 0,
        signed: JSON.stringify({ release, kind: 'commit', toTree: tree }),
        job: `j${sequence}`,
      }),
    );
  }
  database.run(queries.updateTable('sites').set({ live_snapshot: releases, sequence: releases }));
  const state = loadState(database, 0);

  function createTidier(bounds: Partial<Pick<RetentionOptions, 'treesMax' | 'assignmentsMax' | 'now'>> = {}) {
    return createRetention({
      state,
      store,
      contentKeys,
      source: () => source,
      now: () => 0,
      onError: (error) => {
        throw error;
      },
      ...bounds,
    });
  }

  return {
    source,
    repository,
    directory,
    store,
    contentKeys,
    state,
    trees,
    assignments,
    addAssignment,
    createTidier,
  };
}

function addNode(
  state: CoreState,
  name: string,
  held: Partial<Record<'live' | 'backup' | 'staged', ObjectId>>,
) {
  const tree = (id: ObjectId | undefined) =>
    id === undefined ? null : { tree: id, release: { epoch: 1, sequence: 1 } };
  state.nodes.set(name, {
    name,
    connection: null,
    isAway: false,
    maintenance: false,
    unknownSites: new Map(),
    sites: new Map([
      [
        site,
        {
          site,
          phase: 'stale',
          held: null,
          staged: tree(held.staged),
          live: tree(held.live),
          liveSince: null,
          backup: tree(held.backup),
          lastDecision: null,
          error: null,
          setback: null,
          told: 'no',
          synchronizingFrom: null,
          synchronizeAttempts: 0,
        },
      ],
    ]),
  });
}

test('trees that can be rolled back to and those that nodes hold stay kept, the others are released', async (context) => {
  const { source, trees, state, createTidier } = await createSite(context, 25);
  addNode(state, 'bes-1', { live: trees[0] as ObjectId, backup: trees[1] as ObjectId });
  addNode(state, 'bes-2', { staged: trees[2] as ObjectId });
  await createTidier().tidy();
  assert.deepEqual((await source.keptTrees()).sort(), [...trees.slice(0, 3), ...trees.slice(5)].sort());
});

test('a tree that a node lets go of is released in a later round', async (context) => {
  const { source, trees, state, createTidier } = await createSite(context, 22);
  const retention = createTidier();
  addNode(state, 'bes-1', { live: trees[0] as ObjectId });
  await retention.tidy();
  assert.ok((await source.keptTrees()).includes(trees[0] as ObjectId));
  state.nodes.clear();
  await retention.tidy();
  assert.deepEqual((await source.keptTrees()).sort(), trees.slice(2).sort());
});

test('a round is bounded, and the next goes on', async (context) => {
  const { source, store, trees, createTidier } = await createSite(context, 26);
  const retention = createTidier({ treesMax: 4, assignmentsMax: 10 });
  const left = async () => [
    (await source.keptTrees()).length,
    store.outdated(site, { epoch: 1, sequence: 26 }, 0, 1_000).length,
  ];
  await retention.tidy();
  assert.deepEqual(await left(), [22, 15]);
  await retention.tidy();
  assert.deepEqual(await left(), [20, 5]);
  await retention.tidy();
  assert.deepEqual(await left(), [20, 0]);
  assert.deepEqual((await source.keptTrees()).sort(), trees.slice(6).sort());
});

test('assignments of former releases go with their files; the last decision’s and newer ones stay', async (context) => {
  const { store, directory, assignments, addAssignment, createTidier } = await createSite(context, 3);
  const attempt = addAssignment(4);
  const removedSite = addAssignment(9, 'removed-site');
  await createTidier().tidy();
  const kept = [assignments[2] as string, attempt];
  assert.deepEqual(
    readdirSync(directory).sort(),
    kept.flatMap((id) => [`${id}.data`, `${id}.manifest`]).sort(),
  );
  for (const id of kept) assert.notEqual(await store.get(id), undefined);
  for (const id of [...assignments.slice(0, 2), removedSite]) {
    assert.equal(store.known(id), undefined);
    assert.equal(await store.get(id), undefined);
  }
  assert.deepEqual(store.sites(), [site]);
});

test('contents for a repair go a day after they were built, though no release follows', async (context) => {
  const { store, assignments, addAssignment, createTidier } = await createSite(context, 1);
  const old = addAssignment(2, site, undefined, 'restore');
  const young = addAssignment(3, site, undefined, 'restore');
  await createTidier({ now: () => 86_400_000 + 2_001 }).tidy();
  assert.equal(await store.get(old), undefined);
  for (const id of [young, ...assignments]) assert.notEqual(await store.get(id), undefined);
});

test('nothing is touched while a job is open, and a round stops when one is opened', async (context) => {
  const { source, store, state, assignments, createTidier } = await createSite(context, 25);
  const job = { id: 'j1', site, tree: null, baseTree: null } as unknown as Job;
  state.jobs.set(job.id, job);
  await createTidier().tidy();
  assert.equal((await source.keptTrees()).length, 25);
  assert.ok(assignments.every((id) => store.known(id) !== undefined));
  state.jobs.clear();
  const round = createTidier().tidy();
  state.jobs.set(job.id, job);
  await round;
  assert.equal((await source.keptTrees()).length, 25);
  assert.equal(assignments.filter((id) => store.known(id) === undefined).length, 1);
});

test('after close nothing is given back', async (context) => {
  const { source, createTidier } = await createSite(context, 22);
  const retention = createTidier();
  await retention.close();
  await retention.tidy();
  assert.equal((await source.keptTrees()).length, 22);
});

test('at start, temporaries of builds and files without a row are removed', async (context) => {
  const { store, directory, assignments } = await createSite(context, 1);
  const orphan = 'f'.repeat(64);
  const left = ['.build-1234', `.build-${orphan}.manifest`, `${orphan}.data`];
  for (const name of [...left, 'notes.txt']) writeFileSync(join(directory, name), 'x');
  assert.deepEqual((await store.sweep()).sort(), left.sort());
  assert.ok(existsSync(join(directory, 'notes.txt')), 'what is not ours stays');
  assert.notEqual(await store.files(assignments[0] as string), undefined);
  rmSync(join(directory, `${assignments[0]}.manifest`));
  await store.remove(assignments[0] as string);
  assert.deepEqual(readdirSync(directory), ['notes.txt']);
});

test('KEYS-13: a former content key goes with the last assignment that it seals, the current one never', async (context) => {
  const { contentKeys, store, addAssignment, createTidier } = await createSite(context, 1);
  const ids = () => contentKeys.list(site).map(({ id }) => id);
  const first = contentKeys.current(site).id;
  const needing = addAssignment(2, site, first);
  const second = contentKeys.rotate(site, 'test').id;
  const third = contentKeys.rotate(site, 'test').id;
  const tidier = createTidier();
  await tidier.tidy();
  assert.deepEqual(ids(), [third, first], `${second} sealed nothing`);
  await store.remove(needing);
  await tidier.tidy();
  assert.deepEqual(ids(), [third]);
});

test('KEYS-13: however often content keys are rotated, few are kept, and what the oldest seal goes with them', async (context) => {
  const { contentKeys, store, addAssignment, createTidier } = await createSite(context, 1);
  const sealed = Array.from({ length: 20 }, (_, index) => {
    const id = addAssignment(index + 2, site, contentKeys.current(site).id);
    contentKeys.rotate(site, 'test');
    return id;
  });
  await createTidier().tidy();
  assert.equal(contentKeys.list(site).length, 8);
  assert.equal(await store.get(sealed[0] ?? ''), undefined);
  assert.ok((await store.get(sealed.at(-1) ?? '')) !== undefined);
});
