// Takes a node into maintenance, or out of it.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { nodeLines } from '../resource-lines.ts';

export const nodeMaintenance = defineCommand({
  name: 'node maintenance',
  summary: 'take a node out of publishing, or back in',
  details:
    'A node in maintenance is left out of jobs and owed the work: it is synchronized when it comes back.',
  arguments: [
    { name: 'node', summary: 'its name' },
    { name: 'state', summary: 'on or off' },
  ],
  examples: [
    { line: 'treecast node maintenance web1 on', explanation: 'jobs no longer wait for web1' },
    {
      line: 'treecast node maintenance web1 off',
      explanation: 'web1 is brought up to date and takes part again',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'NodeResource.',
  input: z.strictObject({ node: name, state: z.enum(['on', 'off']) }),
  async run({ node, state }, { client, output }) {
    const changed = await (await client()).nodes.update(node, { maintenance: state === 'on' });
    output.answer(changed, () => nodeLines(changed));
  },
});
