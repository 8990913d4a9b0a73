// Has a plugin's owed work tried again at once.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const pluginRetry = defineCommand({
  name: 'plugin retry',
  summary: 'try what a plugin owes, and what it gave up, again now',
  arguments: [{ name: 'plugin', summary: 'its name in ccm.yaml' }],
  examples: [
    { line: 'treecast plugin retry cache-purge', explanation: 'when the cache is back before its next try' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'PluginResource.',
  input: z.strictObject({ plugin: name }),
  async run({ plugin }, { client, output }) {
    const retried = await (await client()).plugins.retry(plugin);
    output.answer(retried, () => [`${plugin}: ${retried.owed} owed, tried now`]);
  },
});
