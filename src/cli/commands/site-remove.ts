// Removes a site.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const siteRemove = defineCommand({
  name: 'site remove',
  summary: 'remove a site; its nodes stop serving it',
  details:
    'All its servers drop it at once: their files of it are deleted. The Git repository stays; adding the site again publishes the head of its branch.',
  arguments: [{ name: 'site', summary: 'its name' }],
  examples: [{ line: 'treecast site remove docs', explanation: 'docs is no longer published' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"removed":"NAME"}`.',
  input: z.strictObject({ site: name }),
  async run({ site }, { client, output }) {
    await (await client()).sites.remove(site);
    output.answer({ removed: site }, () => [`Removed site ${site}.`]);
  },
});
