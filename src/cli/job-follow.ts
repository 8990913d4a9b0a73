// Follows a job to its end: progress lines for people, the ended job as JSON, and the exit that its end means.

import type { Client } from '../client/client.ts';
import type { JobPhase, JobResource } from '../model/api.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { CommandContext } from './command-context.ts';
import type { Exit } from './exit-codes.ts';
import { printable } from './printable.ts';

const endedPhases: ReadonlySet<JobPhase> = new Set(['succeeded', 'failed', 'superseded', 'aborted']);

export async function followJob(
  job: JobResource,
  api: Client,
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
): Promise<Exit> {
  let ended: JobResource | undefined = endedPhases.has(job.phase) ? job : undefined;
  if (ended === undefined) {
    for await (const update of api.jobs.follow(job.id, { signal })) {
      // The CCM's own lines; what stands in one stays there.
      for (const line of update.text.split('\n')) output.text(printable(line));
      if (update.kind === 'end') ended = update.job;
    }
  }
  if (ended === undefined) {
    throw new TreecastError('CCM_UNREACHABLE', `The CCM ended the connection before job ${job.id} ended.`, {
      fix: `The job goes on without it: see \`treecast job show ${job.id}\`.`,
    });
  }
  output.json(ended);
  output.text(endText(ended));
  if (ended.error?.fix !== undefined) output.text(`  fix: ${printable(ended.error.fix)}`);
  return ended.phase === 'succeeded' ? 'ok' : 'job';
}

function endText(job: JobResource): string {
  const what = `Job ${job.id} (${job.type} of ${job.site}) ${job.phase}`;
  const why = job.error === null ? '' : `: ${printable(job.error.message)}`;
  const tree = job.phase === 'succeeded' && job.tree !== null ? `: tree ${job.tree}` : why;
  return `${what}${tree}`;
}
