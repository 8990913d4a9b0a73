// Creates an API token.

import { z } from 'zod';
import { roles } from '../../model/api.ts';
import { defineCommand } from '../command.ts';
import { durationSeconds, name } from '../input-schemas.ts';

export const tokenCreate = defineCommand({
  name: 'token create',
  summary: 'create a token for a person or program; it is shown once',
  details:
    'Roles: viewer reads; author pushes to its sites; operator runs the fleet; admin also manages tokens and nodes.',
  arguments: [{ name: 'name', summary: 'whose it is; shown in the history' }],
  options: [
    {
      flags: '--role <role>',
      summary: 'viewer, author, operator or admin; may be repeated',
      repeatable: true,
    },
    {
      flags: '--site <site>',
      summary: 'a site the author may push to; may be repeated (default: all)',
      repeatable: true,
    },
    { flags: '--expires-in <duration>', summary: 'such as 12h or 90d (default: never)' },
  ],
  examples: [
    { line: 'treecast token create anna --role author --site docs', explanation: 'Anna may push to docs' },
    { line: 'treecast token create ci --role operator --expires-in 90d', explanation: 'for a pipeline' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'TokenResource with `"token"`, the secret.',
  input: z.strictObject({
    name: z.string().min(1).max(100),
    role: z.array(z.enum(roles)).min(1),
    site: z.array(name).optional(),
    expiresIn: durationSeconds.optional(),
  }),
  async run({ name: owner, role, site, expiresIn }, { client, output }) {
    const created = await (await client()).tokens.create({
      name: owner,
      roles: role,
      sites: site ?? null,
      expiresAt: expiresIn === undefined ? null : new Date(Date.now() + expiresIn * 1000).toISOString(),
    });
    output.answer(created, () => [created.token]);
    if (!output.isJson) output.note('Keep it now: only its hash is stored, it cannot be shown again.');
  },
});
