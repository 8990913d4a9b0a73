// Creates a token with which one agent may join.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { timeText } from '../text.ts';

export const nodeJoinToken = defineCommand({
  name: 'node join-token',
  summary: 'create a token with which one agent may join, once',
  options: [
    {
      flags: '--segment <name>',
      summary: 'where it will belong; made when there is none (default: where it is heard)',
    },
  ],
  examples: [
    {
      line: 'treecast node join-token',
      explanation: 'then, on the server: treecast agent join TOKEN --dir /var/lib/treecast',
    },
    { line: 'treecast node join-token --segment rack-5', explanation: 'its agent is one of segment rack-5' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"token","expiresAt"}`.',
  input: z.strictObject({ segment: name.optional() }),
  async run({ segment }, { client, output }) {
    const created = await (await client()).joinTokens.create(segment === undefined ? {} : { segment });
    output.answer(created, () => [created.token]);
    if (!output.isJson)
      output.note(
        `For one agent${segment === undefined ? '' : ` of segment ${segment}`}, until ${timeText(created.expiresAt)}.`,
      );
  },
});
