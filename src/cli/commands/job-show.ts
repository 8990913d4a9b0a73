// Shows one job.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { jobLines } from '../job-lines.ts';

export const jobShow = defineCommand({
  name: 'job show',
  summary: 'show a job: every node, its state and its error',
  arguments: [{ name: 'job', summary: 'its id' }],
  examples: [
    { line: 'treecast job show j90841d9a11', explanation: 'how far each node is, and what went wrong where' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'JobResource.',
  input: z.strictObject({ job: z.string().min(1).max(100) }),
  async run({ job }, { client, output }) {
    const found = await (await client()).jobs.get(job);
    output.answer(found, () => jobLines(found));
  },
});
