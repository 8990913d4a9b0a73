// Removes a content group.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const groupRemove = defineCommand({
  name: 'group remove',
  summary: 'remove a content group that no site uses',
  arguments: [{ name: 'group', summary: 'its name' }],
  examples: [{ line: 'treecast group remove web', explanation: 'refused while a site names it' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"removed":"NAME"}`.',
  input: z.strictObject({ group: name }),
  async run({ group }, { client, output }) {
    await (await client()).groups.remove(group);
    output.answer({ removed: group }, () => [`Removed group ${group}.`]);
  },
});
