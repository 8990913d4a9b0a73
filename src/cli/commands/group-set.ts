// Changes members and selector of a content group.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { labels, name } from '../input-schemas.ts';
import { groupLines } from '../resource-lines.ts';

export const groupSet = defineCommand({
  name: 'group set',
  summary: 'add or take members of a content group',
  details: 'A node that leaves a group drops the sites of that group; one that joins gets them.',
  arguments: [{ name: 'group', summary: 'its name' }],
  options: [
    { flags: '--add-node <name>', summary: 'a new member; may be repeated', repeatable: true },
    { flags: '--remove-node <name>', summary: 'a member that leaves; may be repeated', repeatable: true },
    {
      flags: '--selector <label>',
      summary: 'KEY=VALUE; replaces the selector; may be repeated',
      repeatable: true,
    },
    { flags: '--all', summary: 'every node is a member' },
    { flags: '--no-selector', summary: 'members by name only' },
  ],
  examples: [
    { line: 'treecast group set web --add-node web3', explanation: 'web3 gets every site of group web' },
    { line: 'treecast group set web --no-selector', explanation: 'only the nodes named stay members' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'GroupResource.',
  input: z
    .strictObject({
      group: name,
      addNode: z.array(name).default([]),
      removeNode: z.array(name).default([]),
      // `--no-selector` sets it to false; commander sets it to true when neither was given.
      selector: z.union([z.boolean(), labels]).optional(),
      all: z.boolean().default(false),
    })
    .refine(
      (input) => input.addNode.length + input.removeNode.length > 0 || newSelector(input) !== undefined,
      {
        path: ['group'],
        message: 'Nothing to change: give --add-node, --remove-node, --selector, --all or --no-selector',
      },
    ),
  async run(input, { client, output }) {
    const api = await client();
    const selector = newSelector(input);
    const members = new Set((await api.groups.get(input.group)).nodes);
    for (const node of input.addNode) members.add(node);
    for (const node of input.removeNode) members.delete(node);
    const changed = await api.groups.update(input.group, {
      ...(input.addNode.length + input.removeNode.length === 0 ? {} : { nodes: [...members] }),
      ...(selector === undefined ? {} : { selector }),
    });
    output.answer(changed, () => groupLines(changed));
  },
});

/** Undefined when the selector stays as it is, null when it goes. */
function newSelector(input: {
  readonly selector?: boolean | Record<string, string> | undefined;
  readonly all: boolean;
}): Record<string, string> | null | undefined {
  if (input.all) return {};
  if (input.selector === false) return null;
  return typeof input.selector === 'object' ? input.selector : undefined;
}
