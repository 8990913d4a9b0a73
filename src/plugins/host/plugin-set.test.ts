// The host under plugins that do well, throw, hang, answer nonsense, leak secrets, or are not there at all.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect, promisify } from 'node:util';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import { definePlugin, type PluginDefinition } from '../api/define-plugin.ts';
import type { Hooks, SwitchEvent } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { Secret, secret } from '../api/secret.ts';
import { createPluginSet } from './create-plugin-set.ts';
import { createExec } from './exec-program.ts';
import { pluginEntriesSchema } from './plugin-entry.ts';
import type { PluginSet } from './plugin-set.ts';

const directory = mkdtempSync(join(tmpdir(), 'treecast-plugins-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const event = { site: 'docs', kind: 'publish' } as SwitchEvent;

function pluginWith(name: string, hooks: Hooks, more: Partial<PluginDefinition> = {}): PluginDefinition {
  return definePlugin({
    name,
    summary: 'a test',
    places: ['agent'],
    configSchema: z.strictObject({}),
    setup: () => ({ hooks }),
    ...more,
  });
}

function recordedLog(): { readonly log: PluginLog; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (facts: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(facts)}`);
  };
  return { log: { debug: write, info: write, warn: write, error: write }, lines };
}

async function start(
  plugins: readonly PluginDefinition[],
  entries: readonly Record<string, unknown>[] = plugins.map(({ name }) => ({ use: name })),
  log: PluginLog = recordedLog().log,
): Promise<PluginSet> {
  return createPluginSet({
    entries: pluginEntriesSchema.parse(entries),
    place: 'agent',
    base: directory,
    stateDirectory: join(directory, 'state'),
    log,
    load(use) {
      const found = plugins.find(({ name }) => name === use);
      if (found) return Promise.resolve(found);
      throw new TreecastError('PLUGIN_INVALID', `there is no plugin ${use}`);
    },
  });
}

async function problemsOf(starting: Promise<PluginSet>): Promise<string> {
  try {
    await (await starting).close();
  } catch (error) {
    assert.ok(error instanceof TreecastError && error.code === 'PLUGIN_INVALID', String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: 'it started' });
}

test('hooks run in the order of the configuration, for their sites, up to the first failure', async () => {
  const called: string[] = [];
  const note = (name: string, fails = false) =>
    pluginWith(name, {
      afterSwitch() {
        called.push(name);
        if (fails) throw new PluginError('the server said no', { fix: 'Ask it nicely.' });
        return { note: `${name} done` };
      },
    });
  const set = await start(
    [note('a'), note('b'), note('c', true), note('d')],
    [{ use: 'a' }, { use: 'b', sites: ['other'] }, { use: 'c' }, { use: 'd' }],
  );
  const runs = await set.run('afterSwitch', event, { site: 'docs' });
  assert.deepEqual(called, ['a', 'c']);
  assert.deepEqual(
    runs.map(({ plugin, error }) => [plugin, error?.message ?? null]),
    [
      ['a', null],
      ['c', 'c: the server said no'],
    ],
  );
  assert.deepEqual(runs[1]?.error, {
    code: 'PLUGIN_FAILED',
    message: 'c: the server said no',
    fix: 'Ask it nicely.',
    data: { plugin: 'c', hook: 'afterSwitch' },
  });
  assert.ok(set.has('afterSwitch', 'other') && !set.has('probe', 'docs'));
  await set.close();
});

test('every problem of every plugin is told at once, and what was set up is taken down, last first', async () => {
  const cleaned: string[] = [];
  const fine = pluginWith(
    'fine',
    {},
    {
      setup({ onCleanup }) {
        onCleanup(() => void cleaned.push('fine, first'));
        onCleanup(() => void cleaned.push('fine, last'));
        return { hooks: {} };
      },
    },
  );
  const breaks = pluginWith(
    'breaks',
    {},
    {
      setup({ onCleanup }) {
        onCleanup(() => void cleaned.push('breaks'));
        throw new PluginError('its server is away', { fix: 'Start it.' });
      },
    },
  );
  const strict = pluginWith(
    'strict',
    {},
    { configSchema: z.strictObject({ port: z.int(), name: z.string() }) },
  );
  const needy = pluginWith('needy', {}, { programs: ['no-such-program-anywhere'] });
  const elsewhere = pluginWith('elsewhere', {}, { places: ['ccm'] });
  const text = await problemsOf(
    start(
      [fine, breaks, strict, needy, elsewhere],
      [
        { use: 'fine' },
        { use: 'breaks' },
        { use: 'strict', config: { port: 'x', extra: 1 } },
        { use: 'needy' },
        { use: 'elsewhere' },
        { use: 'missing' },
        { use: 'fine' },
      ],
    ),
  );
  for (const expected of [
    /breaks: its server is away\. Start it\./,
    /strict: config\.port/,
    /strict: config\.name/,
    /strict: config: .*extra/,
    /needy: the program no-such-program-anywhere is not installed/,
    /elsewhere: runs on ccm, not on this agent/,
    /there is no plugin missing/,
    /fine: two plugins have this name/,
  ])
    assert.match(text, expected);
  assert.deepEqual(cleaned, ['breaks', 'fine, last', 'fine, first']);
});

test('a hook that hangs, also without heeding its signal, ends within its limit', async () => {
  const deaf = pluginWith('deaf', { probe: () => new Promise(() => undefined) });
  const set = await start([deaf], [{ use: 'deaf', timeouts: { probe: 0.05 } }]);
  const [run] = await set.run('probe', event, { site: 'docs' });
  assert.equal(run?.error?.code, 'PROBE_FAILED');
  assert.match(run?.error?.message ?? '', /deaf: probe took longer than 0\.05 s/);
  await set.close();
});

test('a hook that waits for nothing does not end the process: its limit does its work', async () => {
  const file = join(directory, 'waits-for-nothing.mjs');
  writeFileSync(
    file,
    `import { definePlugin, z } from 'treecast/plugin';
     export const it = definePlugin({ name: 'waits', summary: 's', places: ['agent'], configSchema: z.strictObject({}),
       setup: () => ({ hooks: { probe: () => new Promise(() => {}) } }) });`,
  );
  const script = `
    import { createPluginSet } from ${JSON.stringify(new URL('./create-plugin-set.ts', import.meta.url).href)};
    import { pluginEntriesSchema } from ${JSON.stringify(new URL('./plugin-entry.ts', import.meta.url).href)};
    const none = () => {};
    const set = await createPluginSet({
      entries: pluginEntriesSchema.parse([{ use: ${JSON.stringify(file)}, timeouts: { probe: 0.05 } }]), place: 'agent',
      base: '/', stateDirectory: ${JSON.stringify(join(directory, 'alone'))}, log: { debug: none, info: none, warn: none, error: none } });
    const [run] = await set.run('probe', { site: 'docs' }, { site: 'docs' });
    process.stdout.write(run.error.message);
    await set.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  assert.equal(stdout, 'waits: probe took longer than 0.05 s');
});

test('what a plugin throws or answers by mistake is told as its failure, never thrown on', async () => {
  const throwsText = pluginWith('throws-text', {
    probe: () => Promise.reject('just text'),
  });
  const nonsense = pluginWith('nonsense', { probe: () => 7 as never });
  const never = pluginWith('never', { probe: () => ({ againAfterMs: Number.NaN }) });
  const set = await start([throwsText, nonsense, never]);
  const runs = await set.run('probe', event, { site: 'docs' });
  assert.deepEqual(
    runs.map(({ error }) => error?.message),
    [
      'throws-text: just text',
      'nonsense: probe answered number',
      'never: probe answered an againAfterMs that is no time',
    ],
  );
  await set.close();
});

test('what a failing hook says fits into a message to the CCM', async () => {
  const wordy = pluginWith('wordy', {
    probe() {
      throw new PluginError('m'.repeat(10_000), { fix: 'f'.repeat(10_000) });
    },
  });
  const set = await start([wordy]);
  const [run] = await set.run('probe', event, { site: 'docs' });
  const { message, fix } = run?.error ?? {};
  assert.ok(message?.startsWith('wordy: mmm') && message.length <= 4_096);
  assert.ok(fix?.startsWith('fff') && fix.length <= 1_024);
  await set.close();
});

test('a plugin whose name no receipt could carry is refused at start', async () => {
  const problems = await problemsOf(start([pluginWith('My Plugin', {})]));
  assert.match(problems, /its plugin calls itself "My Plugin", which is no name/);
});

test('a plugin without hooks, with unknown ones, or with something else in their place is refused', async () => {
  const none = pluginWith('none', {}, { setup: () => ({}) as never });
  const unknown = pluginWith('unknown', { onMonday: () => undefined } as never);
  const text = pluginWith('text', { probe: 'yes' } as never);
  const problems = await problemsOf(start([none, unknown, text]));
  assert.match(problems, /none: setup returned no hooks/);
  assert.match(problems, /unknown: there is no hook onMonday/);
  assert.match(problems, /text: the hook probe is no function/);
});

test('secrets come from tight files or the environment, and are masked in logs, errors and prints', async () => {
  const file = join(directory, 'token');
  writeFileSync(file, 'hunter2-hunter2\n', { mode: 0o600 });
  writeFileSync(join(directory, 'open'), 'everybody', { mode: 0o644 });
  const { log, lines } = recordedLog();
  const leaky = definePlugin({
    name: 'leaky',
    summary: 'tells',
    places: ['agent'],
    configSchema: z.strictObject({ token: secret() }),
    setup({ config, log: own }) {
      assert.ok(config.token instanceof Secret);
      assert.equal(`${config.token} ${JSON.stringify(config)} ${inspect(config)}`.includes('hunter2'), false);
      return {
        hooks: {
          probe() {
            own.warn({ url: `https://x/?t=${config.token.reveal()}` }, `with ${config.token.reveal()}`);
            throw new PluginError(`refused ${config.token.reveal()}`, {
              fix: `not ${config.token.reveal()}`,
            });
          },
        },
      };
    },
  });
  const set = await start([leaky], [{ use: 'leaky', config: { token: { file } } }], log);
  const [run] = await set.run('probe', event, { site: 'docs' });
  assert.equal(run?.error?.message, 'leaky: refused [secret]');
  assert.equal(run?.error?.fix, 'not [secret]');
  assert.ok(lines.length >= 2);
  assert.equal(lines.join('\n').includes('hunter2'), false);
  await set.close();
  const problems = await problemsOf(
    start([leaky], [{ use: 'leaky', config: { token: { file: join(directory, 'open') } } }]),
  );
  assert.match(problems, /leaky: config\.token.*may be read by everybody: chmod o-rwx/);
});

test('a dry run calls only hooks that judge, and says so to them', async () => {
  const seen: string[] = [];
  const set = await start([
    pluginWith('judge', {
      beforeSwitch: (_, { dryRun }) => void seen.push(`beforeSwitch ${dryRun}`),
      afterSwitch: () => void seen.push('afterSwitch'),
    }),
  ]);
  await set.run('beforeSwitch', event as never, { site: 'docs', dryRun: true });
  await set.run('afterSwitch', event, { site: 'docs', dryRun: true });
  assert.deepEqual(seen, ['beforeSwitch true']);
  await set.close();
});

test('closing ends programs and hooks under way', async () => {
  const set = await start([
    pluginWith(
      'waits',
      {},
      {
        setup: ({ exec }) => ({
          hooks: {
            async probe() {
              await exec('sleep', ['60']);
            },
          },
        }),
      },
    ),
  ]);
  const running = set.run('probe', event, { site: 'docs' });
  await set.close();
  const [run] = await running;
  assert.notEqual(run?.error, null);
  assert.ok((run?.ms ?? 0) < 10_000);
});

test('clean-up comes after the hooks under way have ended, and no hook is called after it', async () => {
  const order: string[] = [];
  const set = await start([
    pluginWith(
      'orderly',
      {},
      {
        setup({ onCleanup }) {
          onCleanup(() => void order.push('cleaned'));
          return {
            hooks: {
              probe: (_, { signal }) =>
                new Promise((resolve) => {
                  order.push('called');
                  signal.addEventListener('abort', () =>
                    setImmediate(() => {
                      order.push('ended');
                      resolve();
                    }),
                  );
                }),
            },
          };
        },
      },
    ),
  ]);
  const running = set.run('probe', event, { site: 'docs' });
  await new Promise(setImmediate);
  await set.close();
  await running;
  assert.deepEqual(order, ['called', 'ended', 'cleaned']);
  const [late] = await set.run('probe', event, { site: 'docs' });
  assert.match(late?.error?.message ?? '', /probe was stopped/);
  assert.deepEqual(order, ['called', 'ended', 'cleaned']);
});

test('a program that leaves another one behind with its output open has ended all the same', async () => {
  const started = performance.now();
  const { code, stdout } = await createExec()('sh', ['-c', 'echo done; sleep 10 & exit 3']);
  assert.deepEqual([code, stdout], [3, 'done\n']);
  assert.ok(performance.now() - started < 9_000);
});
