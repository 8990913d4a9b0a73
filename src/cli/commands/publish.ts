// Publishes a site without a push.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { followJob } from '../job-follow.ts';
import { jobLines } from '../job-lines.ts';

export const publish = defineCommand({
  name: 'publish',
  summary: 'publish a site: the head of its branch, or any ref',
  details:
    'Without --wait it returns as soon as the job exists. With --wait the exit code tells how the job ended: 0 also when some nodes are away or stale, which its lines and --json tell, and `verify` and `status` after it.',
  arguments: [{ name: 'site', summary: 'the site' }],
  options: [
    {
      flags: '--ref <ref>',
      summary: 'a branch, tag or full commit id (default: the head of the branch of the site)',
    },
    { flags: '--wait', summary: 'wait until the job ended, and show its progress' },
    { flags: '--allow-delete', summary: 'also when it deletes a large share of what is live' },
  ],
  examples: [
    {
      line: 'treecast publish docs --wait',
      explanation: 'publish the head of the branch and wait until it is live',
    },
    { line: 'treecast publish docs --ref v1.2 --wait', explanation: 'publish what the tag v1.2 names' },
  ],
  kind: 'api',
  exits: ['ok', 'refused', 'job'],
  json: 'the job (JobResource); with --wait as it ended.',
  input: z.strictObject({
    site: name,
    ref: z.string().min(1).max(1000).optional(),
    wait: z.boolean().default(false),
    allowDelete: z.boolean().default(false),
  }),
  async run({ site, ref, wait, allowDelete }, context) {
    const api = await context.client();
    const job = await api.sites.publish(site, {
      ...(ref === undefined ? {} : { ref }),
      ...(allowDelete ? { allowDelete } : {}),
    });
    if (wait) return followJob(job, api, context);
    context.output.answer(job, () => jobLines(job));
  },
});
