// The conformance suite: what every plugin has to show, whatever it is for. Registers tests with node:test; the fixture brings a real target.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TreecastError } from '../../model/treecast-error.ts';
import type { PluginDefinition } from '../api/define-plugin.ts';
import { type HookName, hookNames, hookRow, type PluginPlace } from '../api/hook-table.ts';
import type { HookEvent, HookTypes } from '../api/hooks.ts';
import type { HookRun } from '../host/plugin-set.ts';
import { type StartedPlugin, startPlugin } from './start-plugin.ts';
import { testNeeding } from './test-needing.ts';

export interface ConformanceFixture {
  /** Works against the target that `prepare` made. */
  readonly config: Record<string, unknown>;
  /** Refused at start, with every one of these problems told at once. */
  readonly wrong: readonly {
    readonly config: Record<string, unknown>;
    readonly problems: readonly RegExp[];
  }[];
  /** An event for every hook the plugin has, of two sites; those for another place are left out. Asked for anew before each test. */
  events(site: 'one' | 'two'): Partial<{ [H in HookName]: HookTypes[H]['event'] }>;
  /** What the outside world shows now: comparable as JSON. */
  observe(): Promise<unknown>;
  /** From now on every hook in `failing` must fail … */
  breakTarget(): Promise<void>;
  /** … or hang. Left out by a plugin whose target cannot hang (a file): then a hook is held to its limit with a broken target. */
  stallTarget?(): Promise<void>;
  /** Ends both. */
  mendTarget(): Promise<void>;
  /** The hooks that touch the target; at least one. */
  readonly failing: readonly HookName[];
  close(): Promise<void>;
}

export interface ConformanceOptions {
  /** Programs that the fixture calls. */
  readonly needs?: readonly string[];
  /** Where it is started, and so which of its hooks are tried; the first of its places otherwise. */
  readonly place?: PluginPlace;
}

const stalledSeconds = 1;
/** A stalled hook ends within its limit, the host's grace, and what a busy machine adds. */
const endsWithinMs = 10_000;

/** Registers the suite for one plugin; each test has a fixture of its own. */
export function testPluginConformance(
  plugin: PluginDefinition,
  prepare: () => Promise<ConformanceFixture>,
  { needs = [], place = plugin.places[0] }: ConformanceOptions = {},
): void {
  const isHere = (hook: HookName): boolean => place === undefined || hookRow(hook).places.includes(place);
  // A plugin for several places registers one suite for each.
  const title = `conformance of ${plugin.name}${plugin.places.length > 1 ? ` on ${place}` : ''}`;
  async function withFixture(
    use: (fixture: ConformanceFixture, start: StartPlugin) => Promise<void>,
  ): Promise<void> {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-conformance-'));
    const fixture = await prepare();
    const started: StartedPlugin[] = [];
    try {
      await use(fixture, async (options = {}) => {
        const set = await startPlugin(plugin, {
          config: fixture.config,
          ...options,
          ...(place === undefined ? {} : { place }),
          stateDirectory,
        });
        started.push(set);
        return set;
      });
    } finally {
      for (const each of started) await each.close();
      await fixture.close();
      await rm(stateDirectory, { recursive: true, force: true });
    }
  }

  testNeeding(needs, `${title}: its life cycle, every hook once`, () =>
    withFixture(async (fixture, start) => {
      const set = await start();
      const hooks = set.hooks;
      assert.ok(hooks.length > 0, 'it has no hook');
      const events = fixture.events('one');
      assert.deepEqual(
        (Object.keys(events) as HookName[]).filter(isHere).sort(),
        [...hooks].sort(),
        'the fixture has an event for every hook',
      );
      for (const run of await runAll(set, hooks, fixture, 'one')) assertDone(run);
      await set.close();
      await set.close();
      const again = await start();
      for (const run of await runAll(again, hooks, fixture, 'one')) assertDone(run);
    }),
  );

  testNeeding(needs, `${title}: a wrong configuration is refused at start, all problems at once`, () =>
    withFixture(async (fixture, start) => {
      assert.ok(fixture.wrong.length > 0, 'the fixture has no wrong configuration');
      for (const { config, problems } of fixture.wrong) {
        await assert.rejects(start({ config }), (error) => {
          assert.ok(error instanceof TreecastError && error.code === 'PLUGIN_INVALID', String(error));
          for (const problem of problems) assert.match(error.message, problem);
          return true;
        });
      }
    }),
  );

  testNeeding(needs, `${title}: a failing target gives errors that say what to do, and is survived`, () =>
    withFixture(async (fixture, start) => {
      const failing = fixture.failing.filter(isHere);
      assert.ok(failing.length > 0, 'the fixture names no hook that can fail');
      const set = await start();
      await fixture.breakTarget();
      for (const hook of failing) assertFailed(await runOne(set, hook, fixture, 'one'));
      await fixture.mendTarget();
      for (const hook of failing) assertDone(await runOne(set, hook, fixture, 'one'));
    }),
  );

  testNeeding(needs, `${title}: a stalled target ends within the time limit`, () =>
    withFixture(async (fixture, start) => {
      const failing = fixture.failing.filter(isHere);
      const timeouts = Object.fromEntries(failing.map((hook) => [hook, stalledSeconds]));
      const set = await start({ timeouts });
      await (fixture.stallTarget ?? fixture.breakTarget).call(fixture);
      for (const hook of failing) {
        const run = await runOne(set, hook, fixture, 'one');
        assertFailed(run);
        assert.ok(run.ms < endsWithinMs, `${hook} took ${run.ms} ms`);
      }
      await fixture.mendTarget();
    }),
  );

  testNeeding(needs, `${title}: a dry run changes nothing`, () =>
    withFixture(async (fixture, start) => {
      const set = await start();
      const before = await fixture.observe();
      const events = fixture.events('one');
      for (const hook of hooksOf(set))
        if (hookRow(hook).dryRun)
          await set.run(hook, events[hook] as HookEvent<typeof hook>, { dryRun: true });
      assert.deepEqual(await fixture.observe(), before);
    }),
  );

  testNeeding(needs, `${title}: a hook called twice does no more than once`, () =>
    withFixture(async (fixture, start) => {
      const set = await start();
      for (const hook of hooksOf(set)) {
        assertDone(await runOne(set, hook, fixture, 'one'));
        const once = await fixture.observe();
        assertDone(await runOne(set, hook, fixture, 'one'));
        assert.deepEqual(await fixture.observe(), once, `${hook} did something else the second time`);
      }
    }),
  );

  testNeeding(needs, `${title}: two sites do not get in each other’s way`, () =>
    withFixture(async (fixture, start) => {
      const set = await start();
      const hooks = hooksOf(set).filter((hook) => hook !== 'detach');
      const [one, two] = await Promise.all([
        runAll(set, hooks, fixture, 'one'),
        runAll(set, hooks, fixture, 'two'),
      ]);
      for (const run of [...one, ...two]) assertDone(run);
      if (set.hooks.includes('detach')) assertDone(await runOne(set, 'detach', fixture, 'one'));
      for (const run of await runAll(set, hooks, fixture, 'two')) assertDone(run);
    }),
  );
}

type StartPlugin = (options?: {
  readonly config?: Record<string, unknown>;
  readonly timeouts?: Record<string, number>;
}) => Promise<StartedPlugin>;

/** In the order of the table; `abandon` and `detach` come last, as in life. */
function hooksOf(started: StartedPlugin): HookName[] {
  const has = started.hooks;
  const last: HookName[] = ['abandon', 'detach'];
  return [
    ...hookNames.filter((hook) => has.includes(hook) && !last.includes(hook)),
    ...last.filter((hook) => has.includes(hook)),
  ];
}

async function runAll(
  started: StartedPlugin,
  hooks: readonly HookName[],
  fixture: ConformanceFixture,
  site: 'one' | 'two',
): Promise<HookRun[]> {
  const runs: HookRun[] = [];
  for (const hook of hooksOf(started))
    if (hooks.includes(hook)) runs.push(await runOne(started, hook, fixture, site));
  return runs;
}

async function runOne<H extends HookName>(
  started: StartedPlugin,
  hook: H,
  fixture: ConformanceFixture,
  site: 'one' | 'two',
): Promise<HookRun<H>> {
  const event = fixture.events(site)[hook] as HookEvent<H> | undefined;
  assert.ok(event !== undefined, `the fixture has no event for ${hook}`);
  return started.run(hook, event);
}

function assertDone(run: HookRun): void {
  assert.equal(run.error, null, `${run.hook}: ${run.error?.message ?? ''}`);
}

function assertFailed(run: HookRun): void {
  assert.ok(run.error !== null, `${run.hook} did not fail`);
  assert.ok(run.error.message.length > 10, `${run.hook}: "${run.error.message}" says too little`);
  assert.ok((run.error.fix ?? '').length > 5, `${run.hook}: "${run.error.message}" does not say what to do`);
  assert.ok(['abort', 'stale', 'retry', 'report'].includes(hookRow(run.hook).onFailure));
}
