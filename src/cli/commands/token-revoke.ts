// Revokes an API token.

import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const tokenRevoke = defineCommand({
  name: 'token revoke',
  summary: 'revoke a token; it stops working at once',
  arguments: [{ name: 'id', summary: 'its id, as `token list` shows it' }],
  examples: [
    { line: 'treecast token revoke 7', explanation: 'pushes and requests with it are refused from now on' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"revoked":"ID"}`.',
  input: z.strictObject({ id: z.string().min(1).max(100) }),
  async run({ id }, { client, output }) {
    await (await client()).tokens.revoke(id);
    output.answer({ revoked: id }, () => [`Revoked token ${id}.`]);
  },
});
