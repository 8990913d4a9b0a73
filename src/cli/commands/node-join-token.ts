// Creates a token with which one agent may join.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { timeText } from '../text.ts';

export const nodeJoinToken = defineCommand({
  name: 'node join-token',
  summary: 'create a token with which one agent may join, once',
  examples: [
    {
      line: 'treecast node join-token',
      explanation: 'then, on the server: treecast agent join TOKEN --dir /var/lib/treecast',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"token","expiresAt"}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const created = await (await client()).joinTokens.create();
    output.answer(created, () => [created.token]);
    if (!output.isJson) output.note(`For one agent, until ${timeText(created.expiresAt)}.`);
  },
});
