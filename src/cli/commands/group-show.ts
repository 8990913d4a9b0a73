// Shows one content group.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { groupLines } from '../resource-lines.ts';

export const groupShow = defineCommand({
  name: 'group show',
  summary: 'show a content group',
  arguments: [{ name: 'group', summary: 'its name' }],
  examples: [{ line: 'treecast group show web', explanation: 'its members by name and by label' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'GroupResource.',
  input: z.strictObject({ group: name }),
  async run({ group }, { client, output }) {
    const found = await (await client()).groups.get(group);
    output.answer(found, () => groupLines(found));
  },
});
