// Lists jobs.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { count, name } from '../input-schemas.ts';
import { phaseText } from '../job-lines.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { durationText, shortId, timeText } from '../text.ts';

export const jobList = defineCommand({
  name: 'job list',
  summary: 'list jobs, newest first',
  options: [
    { flags: '--site <site>', summary: 'of this site only' },
    { flags: '--limit <n>', summary: 'at most this many (default: 20)' },
  ],
  examples: [{ line: 'treecast job list --site docs', explanation: 'what happened to docs lately' }],
  kind: 'api',
  exits: ['ok'],
  json: '`{"jobs":[JobResource]}`.',
  input: z.strictObject({
    site: name.optional(),
    limit: count.refine((n) => n >= 1 && n <= 1000, 'Is not between 1 and 1000').default(20),
  }),
  async run({ site, limit }, { client, output }) {
    const jobs = await (await client()).jobs.list({ limit, ...(site === undefined ? {} : { site }) });
    output.answer({ jobs }, () =>
      tableLines(
        ['JOB', 'TYPE', 'SITE', 'PHASE', 'COMMIT', 'TREE', 'BY', 'CREATED', 'TOOK'],
        jobs.map((job) => [
          job.id,
          job.type,
          job.site,
          phaseText(job, output.style),
          shortId(job.commit),
          shortId(job.tree),
          printable(job.requestedBy),
          timeText(job.createdAt),
          durationText(job.createdAt, job.endedAt),
        ]),
      ),
    );
  },
});
