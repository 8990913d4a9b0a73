// Shows one site.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { siteLines } from '../resource-lines.ts';

export const siteShow = defineCommand({
  name: 'site show',
  summary: 'show a site with its policies',
  arguments: [{ name: 'site', summary: 'its name' }],
  examples: [
    { line: 'treecast site show docs', explanation: 'where to push, what is live, which policies apply' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SiteResource.',
  input: z.strictObject({ site: name }),
  async run({ site }, { client, output }) {
    const found = await (await client()).sites.get(site);
    output.answer(found, () => siteLines(found));
  },
});
