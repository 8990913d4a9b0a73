// What plugins owe, over failures, restarts and plugins that come and go.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { ContentEvent, Hooks } from '../../plugins/api/hooks.ts';
import { PluginError } from '../../plugins/api/plugin-error.ts';
import type { PluginSet } from '../../plugins/host/plugin-set.ts';
import { until } from '../../plugins/testing/until.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createPluginTasks } from './plugin-tasks.ts';
import { createTaskRunner, type TaskRunner } from './task-runner.ts';
import { pluginsWith } from './testing/plugin-double.ts';

const published = (sequence: number) => ({
  actor: 'ccm',
  kind: 'job.succeeded',
  site: 'docs',
  job: `j${sequence}`,
  data: {
    text: 'live 3/3',
    type: 'publish',
    release: { epoch: 1, sequence },
    commit: 'c'.repeat(40),
    tree: String(sequence).repeat(40),
    baseTree: String(sequence - 1).repeat(40),
    durationMs: 5,
    live: 3,
    total: 3,
    failed: [],
    requestedBy: 'alice',
  },
});

async function started(t: TestContext, hooks: Readonly<Record<string, Hooks>>) {
  const { registry, database, kinds } = await temporaryRegistry();
  const clock = createManualClock();
  const tasks = createPluginTasks(database, clock.now);
  const start = (plugins: PluginSet): TaskRunner =>
    createTaskRunner({
      database,
      events: registry.events,
      settings: registry.settings,
      tasks,
      plugins,
      clock,
      async call({ hook, plugin, ...task }) {
        if (task.site === 'removed') throw new TreecastError('NOT_FOUND', 'There is no site "removed".');
        const event = { site: task.site, job: task.job, pass: task.pass, ...task.payload };
        const [run] = await plugins.run(hook as 'invalidate', event as unknown as ContentEvent, {
          site: task.site,
          instance: plugin,
        });
        return run;
      },
      onBug: (error) => assert.fail(String(error)),
    });
  const plugins = await pluginsWith(hooks);
  const state = () =>
    tasks
      .list({ limit: 100 })
      .map((task) => `${task.plugin} ${task.hook} ${task.pass} ${task.job} ${task.state}`)
      .reverse();
  const runner = start(plugins);
  t.after(() => runner.close());
  return { registry, database, clock, tasks, kinds, state, start, runner };
}

test('PLG-14 PLG-15 N12: a publish is purged, purged again after the fetch bound, warmed, and then the caches are clean', async (t) => {
  const called: string[] = [];
  const { registry, clock, kinds, state } = await started(t, {
    cache: {
      invalidate({ job, pass }) {
        called.push(`invalidate ${job} ${pass}`);
        return { note: '3 URLs', ...(pass === 1 ? { againAfterMs: 10_000 } : {}) };
      },
      warm: ({ job }) => void called.push(`warm ${job}`),
    },
  });
  registry.events.append(published(1));
  await until('it was warmed', () => called.length === 2);
  assert.deepEqual(called, ['invalidate j1 1', 'warm j1']);
  await until('the warming is noted', () => state().length === 3 && state()[2] === 'cache warm 1 j1 done');
  assert.ok(!kinds().includes('caches.clean'));
  clock.advance(10_000);
  await until('the caches are clean', () => kinds().includes('caches.clean'));
  assert.deepEqual(called[2], 'invalidate j1 2');
  assert.deepEqual(state(), [
    'cache invalidate 1 j1 done',
    'cache invalidate 2 j1 done',
    'cache warm 1 j1 done',
  ]);
});

test('PLG-12 PLG-13 N13: a cache that is away is owed its purges, none of which holds up another, and gets them when it is back', async (t) => {
  let away = true;
  const called: string[] = [];
  const { registry, clock, tasks, kinds } = await started(t, {
    cache: {
      invalidate({ job }) {
        if (away) throw new PluginError('the cache is away', { fix: 'Start it.' });
        called.push(job);
      },
    },
    other: { invalidate: ({ job }) => void called.push(`other ${job}`) },
  });
  registry.events.append(published(1));
  registry.events.append(published(2));
  await until('the other one was purged', () => called.length === 2);
  const tried = () => tasks.list({ plugin: 'cache', limit: 9 }).map(({ attempts }) => attempts);
  await until('both were tried', () => tried().every((attempts) => attempts === 1));
  assert.equal(tasks.summary('cache').owed, 2);
  assert.equal(tasks.summary('cache').error?.message, 'cache: the cache is away');
  clock.advance(1_000);
  await until('both were tried again', () => tried().every((attempts) => attempts === 2));
  away = false;
  tasks.hasten('cache');
  clock.advance(2_000);
  await until('both were purged', () => called.length === 4);
  assert.deepEqual(called.slice(2), ['j1', 'j2']);
  assert.equal(kinds().filter((kind) => kind === 'plugin.owed').length, 2);
});

test('PLG-13: what cannot succeed is given up at once and told, what follows goes on, and an operator has it tried again', async (t) => {
  let isRight = false;
  const { registry, kinds, state, tasks, runner } = await started(t, {
    index: {
      reindex({ job }) {
        if (job === 'j1' && !isRight)
          throw new PluginError('403: the key is wrong', { fix: 'Correct it.', retryable: false });
      },
    },
  });
  registry.events.append(published(1));
  registry.events.append(published(2));
  await until('both are over', () => state().every((task) => !task.endsWith('owed')) && state().length === 2);
  assert.deepEqual(state(), ['index reindex 1 j1 failed', 'index reindex 1 j2 done']);
  assert.ok(kinds().includes('plugin.failed'));
  assert.match(tasks.summary('index').error?.message ?? '', /the key is wrong/);
  isRight = true;
  tasks.hasten('index');
  runner.wake();
  await until('it was tried again', () => !state().some((task) => task.endsWith('owed')));
  assert.deepEqual(state(), ['index reindex 1 j1 done', 'index reindex 1 j2 done']);
  assert.equal(tasks.summary('index').error, null);
});

test('PLG-10 PLG-11: owed work outlives the CCM, events from while it was down are taken up, and a new plugin hears only of what is new', async (t) => {
  const called: string[] = [];
  const cache = (away: boolean): Hooks => ({
    invalidate({ job }) {
      if (away) throw new PluginError('away', { fix: 'Wait.' });
      called.push(job);
    },
  });
  const { registry, clock, tasks, runner, start } = await started(t, { cache: cache(true) });
  registry.events.append(published(1));
  await until('it is owed', () => tasks.summary('cache').error !== null);
  await runner.close();
  registry.events.append(published(2));
  const next = start(
    await pluginsWith({
      cache: cache(false),
      late: { invalidate: ({ job }) => void called.push(`late ${job}`) },
    }),
  );
  clock.advance(1_000);
  await until('both were purged', () => called.length === 2);
  assert.deepEqual(called, ['j1', 'j2']);
  registry.events.append(published(3));
  await until('the third too', () => called.length === 4);
  assert.deepEqual(called.slice(2).toSorted(), ['j3', 'late j3']);
  await next.close();
});

for (const left of [['other'], []])
  test(`a task whose plugin is gone is given up, with ${left.length} plugins left`, async (t) => {
    const { registry, clock, tasks, runner, start, state } = await started(t, {
      cache: {
        invalidate() {
          throw new PluginError('away', { fix: 'Wait.' });
        },
      },
    });
    registry.events.append(published(1));
    await until('it is owed', () => tasks.summary('cache').error !== null);
    await runner.close();
    const next = start(
      await pluginsWith(Object.fromEntries(left.map((name) => [name, { invalidate: () => undefined }]))),
    );
    clock.advance(1_000);
    await until('it was given up', () => state()[0] === 'cache invalidate 1 j1 failed');
    await next.close();
  });

test('a task whose site is gone is given up', async (t) => {
  const { registry, state } = await started(t, { cache: { invalidate: () => undefined } });
  registry.events.append({ ...published(1), site: 'removed' });
  await until('it was given up', () => state()[0] === 'cache invalidate 1 j1 failed');
});

test('PLG-14: caches are not called clean while one of them was given up', async (t) => {
  const { registry, kinds, state } = await started(t, {
    broken: {
      invalidate() {
        throw new PluginError('400: no such zone', { fix: 'Correct it.', retryable: false });
      },
    },
    fine: { invalidate: ({ job }) => new Promise((resolve) => setImmediate(() => resolve({ note: job }))) },
  });
  registry.events.append(published(1));
  await until('both are over', () => state().length === 2 && !state().join().includes('owed'));
  assert.deepEqual(state(), ['broken invalidate 1 j1 failed', 'fine invalidate 1 j1 done']);
  assert.ok(!kinds().includes('caches.clean'));
});

test('PLG-12: however much one cache is owed, the others get theirs', async (t) => {
  const called: string[] = [];
  const { registry, database, clock, tasks } = await started(t, {
    away: {
      invalidate() {
        throw new PluginError('away', { fix: 'Wait.' });
      },
    },
    other: { invalidate: ({ job }) => void called.push(job) },
  });
  const task = {
    plugin: 'away',
    hook: 'invalidate',
    site: 'docs',
    job: null,
    payload: {},
    notBefore: clock.now() + 1e9,
  };
  database.transaction(() => {
    for (let i = 0; i < 10_001; i += 1) tasks.add(task);
  });
  registry.events.append(published(1));
  await until('the other one was purged', () => called.length === 1);
});

test('people hear once that a job has started, however often it is tried', async (t) => {
  const phases: string[] = [];
  const { registry } = await started(t, { chat: { notify: ({ phase }) => void phases.push(phase) } });
  for (const attempt of [1, 2, 3])
    registry.events.append({
      actor: 'ccm',
      kind: 'job.started',
      site: 'docs',
      job: 'j1',
      data: { type: 'publish', commit: 'c'.repeat(40), tree: '1'.repeat(40), requestedBy: 'alice', attempt },
    });
  registry.events.append(published(1));
  await until('it is live', () => phases.includes('live'));
  assert.deepEqual(phases, ['started', 'live']);
});

test('PLG-11: what falls due while it is looked for is not forgotten', async (t) => {
  const passes: number[] = [];
  const { registry, clock, tasks } = await started(t, {
    cache: {
      invalidate({ pass }) {
        passes.push(pass);
        return pass === 1 ? { againAfterMs: 10 } : undefined;
      },
    },
  });
  registry.events.append(published(1));
  await until(
    'its first pass is done',
    () => tasks.list({ state: 'owed', limit: 9 }).length === 1 && passes.length === 1,
  );
  // A question takes a moment, in which the task falls due.
  const { due } = tasks;
  let isLate = false;
  const slow: typeof due = (at) => {
    const found = due(at);
    if (!isLate) clock.advance(10);
    isLate = true;
    return found;
  };
  Object.assign(tasks, { due: slow });
  registry.events.append({ actor: 'test', kind: 'something.else' });
  await until('the second pass is done', () => {
    clock.advance(1);
    return passes.length === 2;
  });
});
