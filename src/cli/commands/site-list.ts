// Lists the sites.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { tableLines } from '../table.ts';
import { shortId } from '../text.ts';

export const siteList = defineCommand({
  name: 'site list',
  summary: 'list the sites',
  examples: [{ line: 'treecast site list', explanation: 'every site, its branch, group and live tree' }],
  kind: 'api',
  exits: ['ok'],
  json: '`{"sites":[SiteResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const sites = await (await client()).sites.list();
    output.answer({ sites }, () =>
      tableLines(
        ['SITE', 'REPOSITORY', 'BRANCH', 'GROUP', 'LIVE TREE', 'COMMIT'],
        sites.map((site) => [
          site.name,
          site.repository,
          site.branch,
          site.group,
          shortId(site.live?.tree),
          shortId(site.live?.commit),
        ]),
      ),
    );
  },
});
