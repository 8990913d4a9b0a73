// Adds a content group.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { labels, name } from '../input-schemas.ts';
import { groupLines } from '../resource-lines.ts';

export const groupAdd = defineCommand({
  name: 'group add',
  summary: 'add a content group: nodes by name, by label, or both',
  arguments: [{ name: 'group', summary: 'its name' }],
  options: [
    { flags: '--node <name>', summary: 'a member; may be repeated', repeatable: true },
    {
      flags: '--selector <label>',
      summary: 'KEY=VALUE; nodes with all the labels given are members; may be repeated',
      repeatable: true,
    },
    { flags: '--all', summary: 'every node is a member' },
  ],
  examples: [
    { line: 'treecast group add web --node web1 --node web2', explanation: 'two members by name' },
    {
      line: 'treecast group add eu --selector region=eu',
      explanation: 'every node with the label region=eu',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'GroupResource.',
  input: z.strictObject({
    group: name,
    node: z.array(name).default([]),
    selector: labels.optional(),
    all: z.boolean().default(false),
  }),
  async run({ group, node, selector, all }, { client, output }) {
    const added = await (await client()).groups.create({
      name: group,
      nodes: node,
      selector: all ? {} : (selector ?? null),
    });
    output.answer(added, () => groupLines(added));
  },
});
