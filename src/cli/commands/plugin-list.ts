// Lists the plugins of the CCM.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { fixLines } from '../fix-lines.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { nothing } from '../text.ts';

export const pluginList = defineCommand({
  name: 'plugin list',
  summary: 'list the plugins of the CCM, and what they owe',
  details:
    'Plugins of agents are listed in their agent.yaml; what they did for a release is in its receipts and in the agent’s log.',
  examples: [
    { line: 'treecast plugin list', explanation: 'a cache that is away shows as owed work with its reason' },
  ],
  kind: 'api',
  exits: ['ok'],
  json: '`{"plugins":[PluginResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const plugins = await (await client()).plugins.list();
    output.answer({ plugins }, () =>
      plugins.length === 0
        ? ['no plugins: name them under `plugins` in ccm.yaml']
        : [
            ...tableLines(
              ['PLUGIN', 'IS', 'SITES', 'HOOKS', 'OWED', 'WAITS', 'FAILED', 'ERROR'],
              plugins.map(({ name, plugin, sites, hooks, owed, waiting, failed, error }) => [
                name,
                plugin,
                sites?.join(', ') ?? 'all',
                hooks.join(', '),
                String(owed),
                String(waiting),
                String(failed),
                error === null ? nothing : printable(error.message),
              ]),
            ),
            ...fixLines(plugins),
          ],
    );
  },
});
