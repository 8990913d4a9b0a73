// Aborts a job that is not yet decided.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { jobLines } from '../job-lines.ts';

export const jobAbort = defineCommand({
  name: 'job abort',
  summary: 'abort a job that is not yet decided; staging is undone everywhere',
  arguments: [{ name: 'job', summary: 'its id' }],
  examples: [
    {
      line: 'treecast job abort j90841d9a11',
      explanation: 'refused once the decision is made: then use rollback',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'JobResource.',
  input: z.strictObject({ job: z.string().min(1).max(100) }),
  async run({ job }, { client, output }) {
    const aborted = await (await client()).jobs.abort(job);
    output.answer(aborted, () => jobLines(aborted));
  },
});
