// The result of a sweep as a table in Markdown: failpoint × kind of work. Judges nothing.

import type { JobType } from '../../test/lab/sweep/job-types.ts';
import type { SweepRow } from '../../test/lab/sweep/sweep-row.ts';

/** `wrong`: of each kind of work that was swept, the failpoints whose case failed. */
export function sweepReport(
  table: readonly SweepRow[],
  wrong: ReadonlyMap<JobType, readonly string[]>,
): string {
  const types = [...wrong.keys()];
  const cell = (type: JobType, name: string, passedIn: readonly JobType[]): string => {
    if (!passedIn.includes(type)) return '';
    return wrong.get(type)?.includes(name) ? '✗' : '✓';
  };
  const lines = table.flatMap(({ failpoints, passedIn }) =>
    failpoints.map(
      (name) => `| \`${name}\` | ${types.map((type) => cell(type, name, passedIn)).join(' | ')} |`,
    ),
  );
  return [
    `| killed at | ${types.join(' | ')} |`,
    `|---|${types.map(() => ':-:').join('|')}|`,
    ...lines,
    '',
  ].join('\n');
}
