// Rolls a site back to the tree that was live before.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { followJob } from '../job-follow.ts';
import { jobLines } from '../job-lines.ts';

export const rollback = defineCommand({
  name: 'rollback',
  summary: 'go back one release',
  details:
    'Nodes that keep that tree switch at once, without transfer. Each further rollback goes one release further back; forward is a publish. It does not pin: the next push publishes again.',
  arguments: [{ name: 'site', summary: 'the site' }],
  options: [{ flags: '--no-wait', summary: 'return as soon as the job exists' }],
  examples: [
    { line: 'treecast rollback docs', explanation: 'back to what docs was before its last release' },
  ],
  kind: 'api',
  exits: ['ok', 'refused', 'job'],
  json: 'the job (JobResource) as it ended; with --no-wait as it began.',
  input: z.strictObject({ site: name, wait: z.boolean().default(true) }),
  async run({ site, wait }, context) {
    const api = await context.client();
    const job = await api.sites.rollback(site);
    if (wait) return followJob(job, api, context);
    context.output.answer(job, () => jobLines(job));
  },
});
