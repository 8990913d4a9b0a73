// N22 across whole builds: which times a publish leaves in the database when it is decided, aborted or tried again, and what stale nodes are sent.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeAssignment } from '../../assignment/describe-assignment.ts';
import { createTestRepository, file, type TestTree } from '../../git-source/test-repository.ts';
import type { Command } from '../../model/assignment.ts';
import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import type { Job, SiteState, Snapshot } from '../core/state.ts';
import { openDatabase } from '../db/open-database.ts';
import { createAssignmentStore } from '../distribution/assignment-store.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadState } from '../runner/load-state.ts';
import { createBuilds } from './builds.ts';
import { createPathTimes } from './path-times.ts';
import { createRepositories } from './repositories.ts';
import { retimedCommands, wasLiveTwice } from './retimed-commands.ts';
import { createTreeDiffs } from './tree-diffs.ts';
import { createTreeGuard } from './tree-guard.ts';

const name = 'site';

async function createPublisher(context: TestContext, now: () => number = Date.now) {
  const repository = await createTestRepository();
  const root = dirname(repository.path);
  const repositories = createRepositories(root, () => undefined);
  const database = await openDatabase(':memory:');
  const registry = createRegistry(database);
  registry.sites.create({ name }, 'test');
  const state = loadState(database, 0);
  const site = state.sites.get(name) as SiteState;
  const diffs = createTreeDiffs();
  const pathTimes = createPathTimes(database);
  const directory = mkdtempSync(join(tmpdir(), 'treecast-builds-'));
  const store = createAssignmentStore(directory, database);
  const fail = (error: unknown) => {
    throw error;
  };
  const releaseKey = generateKeyPairSync('ed25519').privateKey;
  const builds = createBuilds({
    state,
    registry,
    repositories,
    diffs,
    guard: createTreeGuard(diffs),
    store,
    pathTimes,
    releaseKey: () => releaseKey,
    now,
    onBug: fail,
    // Small files are stored beside the build: the last ones may find their directory gone.
    onUnstored: () => undefined,
  });
  context.after(async () => {
    await builds.close();
    await repositories.close();
    database.close();
    repository.remove();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Times by path of a sequence's rows. */
  const rowsOf = (sequence: number) =>
    Object.fromEntries(
      database
        .all(
          database.queries
            .selectFrom('path_times')
            .select(['path', 'mtime'])
            .where('sequence', '=', sequence)
            .orderBy('path'),
        )
        .map(({ path, mtime }) => [path, mtime]),
    );

  async function attempt(id: string, sequence: number, seconds: number, target: ObjectId) {
    const release = { epoch: 1, sequence };
    const baseTree = site.live?.tree ?? null;
    const job = {
      ...state.jobs.get(id),
      id,
      type: 'publish',
      site: name,
      tree: target,
      release,
      baseTree,
      allowDelete: true,
      createdAt: seconds * 1_000,
      decidedAt: null,
    } as Job;
    state.jobs.set(id, job);
    const bases = [baseTree ?? emptyTreeId(target)];
    const answer = await builds.build({
      do: 'build',
      job: id,
      site: name,
      bases,
      target,
      release,
      type: 'publish',
    });
    assert.equal(answer.type, 'built', JSON.stringify(answer));
    return { job, lineage: answer.type === 'built' ? answer.lineage : null };
  }

  function end(id: string): void {
    state.jobs.delete(id);
    builds.forget(id);
  }

  async function publish(sequence: number, seconds: number, tree: TestTree): Promise<ObjectId> {
    const target = repository.writeTree(tree);
    const { job, lineage } = await attempt(`j${sequence}`, sequence, seconds, target);
    for (const query of builds.decisionRows(job)) database.run(query);
    site.live = {
      id: sequence,
      site: name,
      job: job.id,
      release: { epoch: 1, sequence },
      tree: target,
      previous: site.live?.id ?? null,
      lineage,
    } as Snapshot;
    site.snapshots.set(sequence, site.live);
    end(job.id);
    return target;
  }

  /** What a node that holds `base` is sent beside the changes, to have the live tree. */
  async function retimed(base: ObjectId) {
    const live = site.live as Snapshot;
    const source = repositories.source(name);
    const { lineage } = live;
    const commands = await retimedCommands({
      site,
      source,
      pathTimes,
      base,
      target: live.tree,
      changes: await diffs.diff(source, base, live.tree),
      times: { lineage, changed: new Map(), before: lineage, supersedes: null, from: null },
    });
    return Object.fromEntries(commands.map((command) => [command.path, 'mtime' in command && command.mtime]));
  }

  /** The commands of a publish's assignment. */
  async function commandsOf(from: ObjectId, target: ObjectId, sequence: number): Promise<Command[]> {
    const parts = await store.find(name, from, target, { epoch: 1, sequence });
    return (parts ?? []).flatMap(({ inline }) => [
      ...describeAssignment(Buffer.from(inline?.manifest ?? '', 'base64')).commands,
    ]);
  }

  /** The files that a node which asks for these is given, and the assignments that bring them. */
  async function restore(node: string, tree: ObjectId, paths: readonly string[]) {
    const found = await builds.restore(node, { type: 'mend', site: name, tree, paths });
    if (found === undefined) return undefined;
    const manifests = await Promise.all(
      found.assignments.map(async (id) => readFileSync((await store.files(id))?.manifestPath ?? '')),
    );
    const commands = manifests.flatMap((manifest) => [...describeAssignment(manifest).commands]);
    return { ids: found.assignments, files: commands.flatMap((each) => ('path' in each ? [each.path] : [])) };
  }

  return { repository, site, attempt, end, publish, rowsOf, retimed, commandsOf, restore, store };
}

const tree = (a: string, b = 'b'): TestTree => ({ a: file(a), b: file(b) });

test('N22 the times are in the database when the build answers; decided they stay, aborted they go', async (context) => {
  const { repository, attempt, end, publish, rowsOf } = await createPublisher(context);
  await publish(1, 1_000, tree('1'));
  await attempt('j2', 2, 9_000, repository.writeTree(tree('2')));
  assert.deepEqual(rowsOf(2), { a: 9_000 });
  end('j2');
  await publish(3, 1_500, tree('1', 'other'));
  assert.deepEqual(rowsOf(2), {});
  assert.deepEqual(rowsOf(3), { b: 1_500 });
  await publish(4, 2_000, tree('4', 'other'));
  assert.deepEqual([rowsOf(3), rowsOf(4)], [{ b: 1_500 }, { a: 2_000 }]);
});

test('N22 a job that is tried again leaves only the times of the attempt that was decided', async (context) => {
  const { repository, attempt, publish, rowsOf } = await createPublisher(context);
  await publish(1, 1_000, tree('1'));
  const target = repository.writeTree(tree('2'));
  await attempt('j3', 2, 2_000, target);
  await publish(3, 2_000, tree('2'));
  assert.deepEqual(rowsOf(2), {});
  assert.deepEqual(Object.keys(rowsOf(3)), ['a']);
});

test('N22 a change and its revert make the same tree twice: a stale node is sent only the times in question', async (context) => {
  const { site, publish, retimed } = await createPublisher(context);
  const first = await publish(1, 1_000, tree('1'));
  const changed = await publish(2, 2_000, tree('2'));
  assert.equal(wasLiveTwice(site, first), false);
  assert.equal(await publish(3, 3_000, tree('1')), first);
  assert.equal(wasLiveTwice(site, first), true);
  assert.equal(wasLiveTwice(site, changed), false);
  assert.deepEqual(await retimed(first), { a: 3_000 });
  assert.deepEqual(await retimed(changed), {}, 'the diff has it already');
});

test('N22 a node with a tree of another lineage is sent the time of every path, in slices', async (context) => {
  const { repository, publish, retimed } = await createPublisher(context);
  const many = Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`p${index}`, file('same')]));
  const stranger = repository.writeTree({ ...many, p0: file('strange') });
  await publish(1, 1_000, many);
  await publish(2, 2_000, { ...many, p1: file('new') });
  await publish(3, 3_000, many);
  const expected = Object.keys(many)
    .filter((path) => path !== 'p0')
    .map((path) => [path, path === 'p1' ? 3_000 : 1_000]);
  assert.deepEqual(await retimed(stranger), Object.fromEntries(expected));
});

test('R2.5 the policy’s commands for plugins end every assignment of the site; a change of the policy applies from the next build', async (context) => {
  const { site, publish, commandsOf } = await createPublisher(context);
  const first = await publish(1, 1_000, tree('1'));
  const before = await commandsOf(emptyTreeId(first), first, 1);
  assert.deepEqual(
    before.map((command) => command.do),
    ['write', 'write'],
  );
  site.policy = {
    ...site.policy,
    commands: [
      { name: 'nginx.site', parameters: { file: 'nginx.conf' } },
      { name: 'service.restart', parameters: { unit: 'app', times: [1, 2] } },
    ],
  };
  const second = await publish(2, 2_000, tree('2'));
  assert.deepEqual((await commandsOf(first, second, 2)).slice(1), [
    { do: 'plugin', name: 'nginx:site', parameters: { file: 'nginx.conf' } },
    { do: 'plugin', name: 'service:restart', parameters: { unit: 'app', times: [1, 2] } },
  ]);
});

test('LINK-23 a repair brings a few paths at a time, and the CCM keeps one of a node and site', async (context) => {
  const { site, publish, restore, store } = await createPublisher(context);
  const large = (fill: string) => file(Buffer.alloc(40 * 1024 ** 2, fill));
  const live = await publish(1, 1_000, { a: large('a'), b: large('b'), small: file('small') });
  allowRepairs(site, live, ['web1', 'web2']);
  const other = await restore('web2', live, ['small']);
  const first = await restore('web1', live, ['a', 'b', 'small']);
  assert.deepEqual(first?.files, ['a', 'small']);
  assert.deepEqual((await restore('web1', live, ['b']))?.files, ['b']);
  assert.equal(await store.get(first?.ids[0] ?? ''), undefined);
  assert.notEqual(await store.get(other?.ids[0] ?? ''), undefined);
});

test('LINK-23 a node that asks for repairs without end is answered so often as its allowance has it', async (context) => {
  let now = 1_000_000;
  const { site, publish, restore } = await createPublisher(context, () => now);
  const live = await publish(1, 1_000, tree('1'));
  allowRepairs(site, live, ['web1', 'web2']);
  let answered = 0;
  while (answered < 200 && (await restore('web1', live, ['a'])) !== undefined) answered += 1;
  assert.equal(answered, 128);
  assert.notEqual(await restore('web2', live, ['a']), undefined, 'another node has its own');
  now += 8_000;
  assert.notEqual(await restore('web1', live, ['a']), undefined);
  assert.equal(await restore('web1', live, ['a']), undefined);
});

function allowRepairs(site: SiteState, live: ObjectId, members: readonly string[]): void {
  site.members = new Set(members);
  site.lastDecision = { release: { epoch: 1, sequence: 1 }, toTree: live } as NonNullable<
    SiteState['lastDecision']
  >;
}
