// Removes a node.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const nodeRemove = defineCommand({
  name: 'node remove',
  summary: 'remove a node for good',
  details: 'Its certificate stops working at once and the content keys of its sites are changed.',
  arguments: [{ name: 'node', summary: 'its name' }],
  examples: [{ line: 'treecast node remove web1', explanation: 'web1 has to join again with a new token' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"removed":"NAME"}`.',
  input: z.strictObject({ node: name }),
  async run({ node }, { client, output }) {
    await (await client()).nodes.remove(node);
    output.answer({ removed: node }, () => [`Removed node ${node}.`]);
  },
});
