import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { definePlugin } from '../api/define-plugin.ts';
import { PluginError } from '../api/plugin-error.ts';
import { contentEvent } from './content-event.ts';
import { startPlugin } from './start-plugin.ts';

const refused = new PluginError('no such index', { fix: 'Create it.', retryable: false });

const sample = definePlugin({
  name: 'sample',
  summary: 'runs a program and keeps what it said',
  places: ['ccm'],
  configSchema: z.strictObject({ word: z.string().default('hello') }),
  setup: ({ config, exec, log, stateDirectory }) =>
    Promise.resolve({
      validate() {
        if (config.word === 'wrong') throw new PluginError('wrong word', { fix: 'Write another.' });
      },
      hooks: {
        async invalidate(_, { dryRun }) {
          if (config.word === 'refuse') throw refused;
          if (dryRun) return { note: 'would run' };
          const { stdout } = await exec('echo', [config.word]);
          await writeFile(join(stateDirectory, 'said'), stdout);
          log.warn({ word: config.word }, 'said it');
          return { note: stdout.trim() };
        },
      },
    }),
});
const event = contentEvent({ from: {}, to: { 'index.html': 'one' } });

test('run answers as the host does, call as the hook does; programs and warnings are told', async () => {
  const started = await startPlugin(sample);
  assert.deepEqual(started.hooks, ['invalidate']);
  assert.deepEqual(await started.call('invalidate', event, { dryRun: true }), { note: 'would run' });
  assert.deepEqual(started.ran, []);
  assert.deepEqual(await started.call('invalidate', event), { note: 'hello' });
  assert.equal((await started.run('invalidate', event)).answer?.note, 'hello');
  assert.deepEqual(started.ran, [
    ['echo', 'hello'],
    ['echo', 'hello'],
  ]);
  assert.deepEqual(started.warnings, ['said it', 'said it']);
  await assert.rejects(started.call('warm', event), /the plugin sample has no hook warm/);
  await started.close();
  assert.equal(existsSync(started.stateDirectory), false);
  await started.close();
});

test('call throws the very error of the hook, run tells it', async () => {
  const started = await startPlugin(sample, { config: { word: 'refuse' } });
  await assert.rejects(started.call('invalidate', event), (error) => error === refused);
  const { error, retryable } = await started.run('invalidate', event);
  assert.deepEqual([error?.message, error?.fix, retryable], ['sample: no such index', 'Create it.', false]);
  await started.close();
});

test('validate is called at start unless it is left to the test; a refused start leaves nothing behind', async (t) => {
  const config = { word: 'wrong' };
  await assert.rejects(startPlugin(sample, { config }), /sample: wrong word\. Write another\./);
  const started = await startPlugin(sample, { config, validateAtStart: false });
  await assert.rejects(started.validate(), /^PluginError: wrong word$/);
  await started.close();
  const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-kit-'));
  t.after(() => rm(stateDirectory, { recursive: true, force: true }));
  const kept = await startPlugin(sample, { stateDirectory, instance: 'other' });
  await kept.call('invalidate', event);
  await kept.close();
  assert.deepEqual(await readdir(stateDirectory), ['other']);
  assert.equal(await readFile(join(kept.ownDirectory, 'said'), 'utf8'), 'hello\n');
});
