// Adds a site.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { siteLines } from '../resource-lines.ts';
import { readSitePolicy } from '../site-policy-file.ts';

export const siteAdd = defineCommand({
  name: 'site add',
  summary: 'add a site: a repository, a branch and the group that receives it',
  arguments: [{ name: 'site', summary: 'its name' }],
  options: [
    { flags: '--repository <name>', summary: 'the staging repository (default: the name of the site)' },
    { flags: '--branch <branch>', summary: 'the branch that is published (default: main)' },
    { flags: '--group <group>', summary: 'the content group that receives it' },
    { flags: '--policy <file>', summary: 'a YAML file with policies' },
  ],
  examples: [
    {
      line: 'treecast site add docs --group web',
      explanation: 'pushes to docs.git, branch main, go to group web',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SiteResource.',
  input: z.strictObject({
    site: name,
    repository: name.optional(),
    branch: z.string().min(1).max(200).optional(),
    group: name.optional(),
    policy: z.string().optional(),
  }),
  async run({ site, repository, branch, group, policy }, { client, cwd, output }) {
    const added = await (await client()).sites.create({
      name: site,
      ...(repository === undefined ? {} : { repository }),
      ...(branch === undefined ? {} : { branch }),
      ...(group === undefined ? {} : { group }),
      ...(policy === undefined ? {} : { policy: await readSitePolicy(policy, cwd) }),
    });
    output.answer(added, () => siteLines(added));
  },
});
