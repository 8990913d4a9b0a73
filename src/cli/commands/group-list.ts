// Lists the content groups.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { selectorText } from '../resource-lines.ts';
import { tableLines } from '../table.ts';

export const groupList = defineCommand({
  name: 'group list',
  summary: 'list the content groups',
  examples: [
    { line: 'treecast group list', explanation: 'every group with its members by name and by label' },
  ],
  kind: 'api',
  exits: ['ok'],
  json: '`{"groups":[GroupResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const groups = await (await client()).groups.list();
    output.answer({ groups }, () =>
      tableLines(
        ['GROUP', 'NODES', 'SELECTOR'],
        groups.map((group) => [group.name, group.nodes.join(', ') || '–', selectorText(group)]),
      ),
    );
  },
});
