// Sets whose leaders are handed a group's assignments first.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { groupLines } from '../resource-lines.ts';

export const groupSetOrder = defineCommand({
  name: 'group set-order',
  summary: 'say which leaders get what is published first',
  details:
    'Leaders of segments, in the order in which they are to get the assignments of the group’s sites, and serve them to others: segments by name, or nodes, which count while they lead. Leaders that are not named follow, as measured (link rate, delay, reliability and more). The CCM begins with the first ones; whom a leader notifies next is the nearest of the first 16 that wait. It replaces the order of before; without names there is none. The group `all` has one, too.',
  arguments: [
    { name: 'group', summary: 'its name' },
    { name: 'name', summary: 'segments or nodes, the first to be first', repeatable: true },
  ],
  examples: [
    {
      line: 'treecast group set-order web rack-1 rack-7',
      explanation: 'the leaders of rack-1 and rack-7 fetch first, and serve the others',
    },
    { line: 'treecast group set-order web', explanation: 'as measured' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'GroupResource.',
  input: z.strictObject({ group: name, name: z.array(name).max(10_000).default([]) }).check((context) => {
    const names = context.value.name;
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice === undefined) return;
    context.issues.push({ code: 'custom', path: ['name'], message: `${twice} is named twice`, input: names });
  }),
  async run({ group, name: order }, { client, output }) {
    const changed = await (await client()).groups.setOrder(group, order);
    output.answer(changed, () => groupLines(changed));
  },
});
