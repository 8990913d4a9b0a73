// Shows one job.

import { z } from 'zod';
import type { Client } from '../../client/client.ts';
import type { PluginTaskResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
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
    const api = await client();
    const [found, tasks] = await Promise.all([api.jobs.get(job), tasksOf(api, job)]);
    const owed = tasks.filter(({ state }) => state !== 'done').length;
    output.answer(found, () => [
      ...jobLines(found),
      ...(tasks.length === 0
        ? []
        : [
            '',
            `plugins: ${tasks.length - owed} of ${tasks.length} calls done; treecast plugin tasks --job ${job}`,
          ]),
    ]);
  },
});

/** An author sees its jobs, not what plugins did for them. */
async function tasksOf(api: Client, job: string): Promise<PluginTaskResource[]> {
  try {
    return await api.plugins.tasks({ job, limit: 1000 });
  } catch (error) {
    if (error instanceof TreecastError && error.code === 'FORBIDDEN') return [];
    throw error;
  }
}
