// Changes a site.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { siteLines } from '../resource-lines.ts';
import { readSitePolicy } from '../site-policy-file.ts';

export const siteSet = defineCommand({
  name: 'site set',
  summary: 'change branch, group or policies of a site',
  details: 'What is not named stays as it is.',
  arguments: [{ name: 'site', summary: 'its name' }],
  options: [
    { flags: '--branch <branch>', summary: 'the branch that is published' },
    { flags: '--group <group>', summary: 'the content group that receives it' },
    { flags: '--policy <file>', summary: 'a YAML file with the policies to change' },
  ],
  examples: [
    {
      line: 'treecast site set docs --branch release',
      explanation: 'from now on pushes to release publish docs',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SiteResource.',
  input: z
    .strictObject({
      site: name,
      branch: z.string().min(1).max(200).optional(),
      group: name.optional(),
      policy: z.string().optional(),
    })
    .refine(
      ({ branch, group, policy }) => branch !== undefined || group !== undefined || policy !== undefined,
      {
        path: ['site'],
        message: 'Nothing to change: give --branch, --group or --policy',
      },
    ),
  async run({ site, branch, group, policy }, { client, cwd, output }) {
    const changed = await (await client()).sites.update(site, {
      ...(branch === undefined ? {} : { branch }),
      ...(group === undefined ? {} : { group }),
      ...(policy === undefined ? {} : { policy: await readSitePolicy(policy, cwd) }),
    });
    output.answer(changed, () => siteLines(changed));
  },
});
