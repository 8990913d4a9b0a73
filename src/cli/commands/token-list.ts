// Lists the API tokens.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { timeText } from '../text.ts';

export const tokenList = defineCommand({
  name: 'token list',
  summary: 'list the tokens, without their secrets',
  examples: [{ line: 'treecast token list', explanation: 'who may do what, until when' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"tokens":[TokenResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const tokens = await (await client()).tokens.list();
    output.answer({ tokens }, () =>
      tableLines(
        ['ID', 'NAME', 'ROLES', 'SITES', 'CREATED', 'EXPIRES', 'REVOKED'],
        tokens.map((token) => [
          token.id,
          printable(token.name),
          token.roles.join(', '),
          token.sites?.join(', ') ?? 'all',
          timeText(token.createdAt),
          timeText(token.expiresAt),
          timeText(token.revokedAt),
        ]),
      ),
    );
  },
});
