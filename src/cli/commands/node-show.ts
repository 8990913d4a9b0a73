// Shows one node.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { nodeLines } from '../resource-lines.ts';

export const nodeShow = defineCommand({
  name: 'node show',
  summary: 'show a node, its part in its segment, and what it holds of every site',
  arguments: [{ name: 'node', summary: 'its name' }],
  examples: [
    {
      line: 'treecast node show web1',
      explanation: 'its link or the leader it is behind, state and priority in elections, trees of each site',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'NodeResource.',
  input: z.strictObject({ node: name }),
  async run({ node }, { client, output }) {
    const found = await (await client()).nodes.get(node);
    output.answer(found, () => nodeLines(found));
  },
});
