// JOB-32: what the CCM does while its database takes no writes: everything waits, nothing goes out that is not written, and it goes on by itself.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import type { TreecastError } from '../../model/treecast-error.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { until } from '../../plugins/testing/until.ts';
import type { ActEffect } from '../core/effects.ts';
import type { CoreEvent } from '../core/events.ts';
import { openDatabase } from '../db/open-database.ts';
import { rawQuery } from '../db/raw-query.ts';
import { createRegistry } from '../registry/registry.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { configuredEvent } from '../service/configured-event.ts';
import { createCoreRunner } from './core-runner.ts';
import { createDatabaseHealth } from './database-health.ts';
import { loadState } from './load-state.ts';
import { createCorePersistence } from './persist.ts';

const [treeA, commit] = ['a'.repeat(40), 'c'.repeat(40)];

async function runningCore(t: TestContext) {
  const path = join(temporaryDirectory(t), 'ccm.db');
  const database = await openDatabase(path);
  const registry = createRegistry(database);
  registry.sites.create({ name: 'docs' }, 'test');
  registry.nodes.join({ name: 'n1', ...certificateOf('n1') });
  const acts: ActEffect[] = [];
  const changes: string[] = [];
  const fatal: unknown[] = [];
  const state = loadState(database, Date.now() - 60_000);
  const health = createDatabaseHealth({
    settings: registry.settings,
    now: Date.now,
    logger: { error: (facts: { code: string }) => changes.push(facts.code), warn: () => undefined } as never,
    onGoingOn: () => changes.push('goes on'),
  });
  const runner = createCoreRunner({
    state,
    persistence: createCorePersistence({ database, events: registry.events, decisionRows: () => [] }),
    now: Date.now,
    sign: (decision) => ({ ...decision, signature: 'signed' }),
    act: (effect) => acts.push(effect),
    ended: () => undefined,
    health,
    fatal: (error) => fatal.push(error),
  });
  t.after(() => {
    runner.close();
    database.close();
  });
  await runner.request(configuredEvent(registry, database));
  runner.post({ type: 'nodeConnected', node: 'n1', connection: '1', sites: [] });
  const publish = (
    job: string,
    requestedBy = 'author',
  ): Extract<CoreEvent, { type: 'publishRequested' }> => ({
    type: 'publishRequested',
    job,
    site: 'docs',
    commit,
    tree: treeA,
    requestedBy,
    branchHead: commit,
    allowDelete: false,
  });
  /** Another process, as far as SQLite can tell: it holds the write lock. */
  function lock(): DatabaseSync {
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    return other;
  }
  const pragma = (text: string) => database.run(rawQuery(`pragma ${text}`, []));
  return { database, registry, runner, health, acts, changes, fatal, publish, lock, pragma, path };
}

type Running = Awaited<ReturnType<typeof runningCore>>;

const decisionsSent = ({ acts }: Running) =>
  acts.filter((effect) => effect.do === 'send' && effect.message.type === 'decision').length;
const decisionsKept = ({ database }: Running) =>
  database.all(database.queries.selectFrom('decisions').select('sequence')).length;

/** Up to the last node's word that it has staged. */
async function planned(core: Running): Promise<CoreEvent> {
  await core.runner.request(core.publish('job'));
  const build = core.acts.find((effect) => effect.do === 'build');
  assert.ok(build);
  const { bases, release } = build;
  core.runner.post({
    type: 'built',
    job: 'job',
    site: 'docs',
    release,
    cohorts: bases.map((base) => ({ base, assignments: ['x'], bytes: 1 })),
    files: 1,
    lineage: { contentSequence: 1, baseSequence: 1, baseMtime: 1 },
  });
  await until('it is delivered', () => core.acts.some((effect) => effect.do === 'deliver'));
  const receipt = { version: 1, node: 'n1', site: 'docs', phase: 'staged', scope: 'changed' } as const;
  return {
    type: 'nodeStaged',
    node: 'n1',
    site: 'docs',
    assignment: 'x',
    receipt: { ...receipt, release, tree: treeA, at: 1, signature: 'signed' },
  };
}

test('JOB-32 R4.5 no decision goes out that is not written: while another process holds the lock all waits, then it goes on', async (t) => {
  const core = await runningCore(t);
  const staged = await planned(core);
  const other = core.lock();
  core.runner.post(staged);
  await until('the batch waits', () => core.health.waitsFor !== undefined);
  assert.equal(decisionsSent(core), 0);
  assert.equal(decisionsKept(core), 0);
  await assert.rejects(core.runner.request(core.publish('refused')), hasCode('DATABASE_UNAVAILABLE'));
  assert.throws(() => core.health.require(), hasCode('DATABASE_UNAVAILABLE'));
  // What comes meanwhile is taken up in order afterwards.
  core.runner.post({ type: 'nodeDisconnected', node: 'n1', connection: '1' });
  core.runner.post({ type: 'nodeConnected', node: 'n1', connection: '2', sites: [] });
  other.exec('rollback');
  other.close();
  await until('the decision is sent', () => decisionsSent(core) > 0);
  assert.equal(decisionsKept(core), 1);
  assert.deepEqual(core.changes, ['DATABASE_UNAVAILABLE', 'goes on']);
  core.health.require();
  await until('it came back', () => core.runner.state.nodes.get('n1')?.connection === '2');
  assert.deepEqual(core.fatal, []);
});

test('JOB-32 a request that is being written when the database becomes full waits, and is answered once there is space', async (t) => {
  const core = await runningCore(t);
  const pages = core.database.first(rawQuery<{ page_count: number }>('pragma page_count', []))?.page_count;
  core.pragma(`max_page_count = ${pages}`);
  let answered = false;
  const request = core.runner.request(core.publish('large', 'x'.repeat(500_000))).then(() => {
    answered = true;
  });
  await until('the batch waits', () => core.health.waitsFor !== undefined);
  assert.match((core.health.waitsFor as TreecastError).message, /its disk is full/);
  assert.equal(answered, false);
  assert.equal(
    core.acts.some((effect) => effect.do === 'build'),
    false,
  );
  core.pragma('max_page_count = 1000000');
  await request;
  assert.ok(core.acts.some((effect) => effect.do === 'build'));
  assert.deepEqual(core.fatal, []);
});

test('JOB-32 a database that became read-only: what the registry is asked is refused with the reason, what the core has waits', async (t) => {
  const core = await runningCore(t);
  core.pragma('query_only = on');
  assert.throws(() => core.registry.sites.create({ name: 'news' }, 'test'), hasCode('DATABASE_UNAVAILABLE'));
  core.runner.post({ type: 'nodeDisconnected', node: 'n1', connection: '1' });
  await until('the batch waits', () => core.health.waitsFor !== undefined);
  assert.match((core.health.waitsFor as TreecastError).message, /it is read-only/);
  core.pragma('query_only = off');
  await until('it is written', () => core.health.waitsFor === undefined);
  assert.deepEqual(core.changes, ['DATABASE_UNAVAILABLE', 'goes on']);
});

test('closing while the database takes no writes refuses what waits', async (t) => {
  const core = await runningCore(t);
  core.pragma('query_only = on');
  const request = core.runner.request(core.publish('job'));
  request.catch(() => undefined);
  await until('the batch waits', () => core.health.waitsFor !== undefined);
  core.runner.close();
  await assert.rejects(request, hasCode('DATABASE_UNAVAILABLE'));
});

test('the health of an idle database is found out by a write of its own, now and then', async (t) => {
  const core = await runningCore(t);
  let now = 0;
  const health = createDatabaseHealth({
    settings: core.registry.settings,
    now: () => now,
    logger: { error: () => undefined, warn: () => undefined },
    onGoingOn: () => undefined,
  });
  health.require();
  core.pragma('query_only = on');
  now += 4_999;
  health.require();
  now += 1;
  assert.throws(() => health.require(), hasCode('DATABASE_UNAVAILABLE'));
  core.pragma('query_only = off');
  health.require();
});
