// A job as lines for people, and how its phase reads.

import type { JobNode, JobResource } from '../model/api.ts';
import { releaseName } from '../model/release.ts';
import { fixLines } from './fix-lines.ts';
import { printable } from './printable.ts';
import { fieldLines } from './resource-lines.ts';
import type { Style } from './style.ts';
import { createStyle } from './style.ts';
import { tableLines } from './table.ts';
import { bytesText, durationText, nothing, timeText } from './text.ts';

export function phaseText(job: Pick<JobResource, 'phase'>, style: Style): string {
  if (job.phase === 'succeeded') return style.good(job.phase);
  if (job.phase === 'failed') return style.bad(job.phase);
  return job.phase === 'deferred' || job.phase === 'aborted' ? style.warn(job.phase) : job.phase;
}

export function progressText(node: Pick<JobNode, 'progress'>): string {
  return node.progress === null ? '' : `${Math.round(node.progress * 100)} %`;
}

export function jobLines(job: JobResource, style: Style = createStyle(false)): string[] {
  const lines = fieldLines([
    ['job', job.id],
    ['type', `${job.type} of ${job.site}`],
    ['phase', phaseText(job, style)],
    ['commit', job.commit ?? nothing],
    ['tree', job.tree ?? nothing],
    ['release', job.release === null ? nothing : releaseName(job.release)],
    ['asked by', printable(job.requestedBy)],
    ['created', timeText(job.createdAt)],
    ['took', durationText(job.createdAt, job.endedAt)],
    ['attempts', String(job.attempts)],
    [
      'change',
      job.files === null ? nothing : `${job.files} files, ${bytesText(job.assignmentBytes)} to transfer`,
    ],
  ]);
  if (job.error !== null) {
    lines.push(`${style.bad('error')}: ${printable(job.error.message)} [${job.error.code}]`);
    if (job.error.fix !== undefined) lines.push(`  fix: ${printable(job.error.fix)}`);
  }
  if (job.nodes.length === 0) return lines;
  const table = tableLines(
    ['NODE', 'STATE', 'PROGRESS', 'STAGED', 'LIVE', 'ERROR'],
    job.nodes.map((node) => [
      node.node,
      node.state,
      progressText(node),
      durationText(job.startedAt, node.stagedAt),
      durationText(job.startedAt, node.liveAt),
      node.error === null ? '' : printable(node.error.message),
    ]),
  );
  const fixes = fixLines(job.nodes.map(({ node, error }) => ({ name: node, error })));
  return [...lines, '', ...table, ...fixes];
}
