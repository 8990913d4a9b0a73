// A plugin for agent and CCM under the kit: each place calls its own hooks, and the suite tries those of the place it is told.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { definePlugin, type HookEvent, PluginError, replaceFile, z } from '../index.ts';
import {
  balanceEvent,
  type ConformanceFixture,
  createSiteOnDisk,
  directorySnapshot,
  notifyEvent,
  startPlugin,
  testPluginConformance,
} from './index.ts';

const both = definePlugin({
  name: 'both',
  summary: 'writes what it is told',
  places: ['agent', 'ccm'],
  configSchema: z.strictObject({ directory: z.string().startsWith('/') }),
  setup({ config, place }) {
    const write = async (site: string, text: string) => {
      try {
        await replaceFile(join(config.directory, `${place}-${site}`), text, 0o644);
      } catch (cause) {
        throw new PluginError(`${config.directory} cannot be written`, { cause, fix: 'Make the directory.' });
      }
      return { note: `${place}: ${text}` };
    };
    return {
      hooks: {
        afterSwitch: ({ site, to }) => write(site, to.release),
        notify: ({ site, phase }) => write(site, phase),
        weigh: ({ site, nodes, share }) => write(site, `${nodes.map(({ name }) => name).join()} ${share}`),
        inspect: ({ nodes }) => ({
          nodes: nodes.map(({ name }) => ({ node: name, state: 'in', sessions: null, weight: 1 })),
        }),
      },
    };
  },
});

async function prepare(): Promise<ConformanceFixture> {
  const root = await mkdtemp(join(tmpdir(), 'two-places-'));
  const directory = join(root, 'out');
  await mkdir(directory);
  const sites = {
    one: await createSiteOnDisk('one', { 'index.html': '1' }),
    two: await createSiteOnDisk('two', { 'index.html': '2' }),
  };
  return {
    config: { directory },
    wrong: [{ config: { directory: 'relative' }, problems: [/directory/] }],
    events: (site) => ({
      afterSwitch: sites[site].switchEvent(sites[site].live()),
      notify: notifyEvent({ site }),
      weigh: balanceEvent({ site, share: 0.5 }),
      inspect: balanceEvent({ site }),
    }),
    observe: () => directorySnapshot(root),
    failing: ['afterSwitch', 'notify', 'weigh'],
    breakTarget: () => rename(directory, `${directory}.away`),
    mendTarget: () => rename(`${directory}.away`, directory),
    async close() {
      await Promise.all([sites.one.remove(), sites.two.remove(), rm(root, { recursive: true })]);
    },
  };
}

testPluginConformance(both, prepare);
testPluginConformance(both, prepare, { place: 'ccm' });

test('a plugin is started on the first of its places unless told otherwise; hooks of another place are not called', async (t) => {
  const { config, events, close } = await prepare();
  t.after(close);
  for (const [place, hooks] of [
    [undefined, ['afterSwitch']],
    ['ccm', ['notify', 'weigh', 'inspect']],
  ] as const) {
    const plugin = await startPlugin(both, { config, ...(place === undefined ? {} : { place }) });
    t.after(plugin.close);
    assert.deepEqual(plugin.hooks, hooks);
    for (const hook of hooks) {
      const event = events('one')[hook] as HookEvent<typeof hook>;
      assert.equal((await plugin.run(hook, event)).error, null);
    }
  }
  const plugin = await startPlugin(both, { config, place: 'ccm' });
  t.after(plugin.close);
  const { answer } = await plugin.run('weigh', balanceEvent({ share: 0.5 }));
  assert.equal(answer?.note, 'ccm: web-1 0.5');
  assert.equal((await plugin.run('notify', notifyEvent({ phase: 'failed' }))).answer?.note, 'ccm: failed');
});
