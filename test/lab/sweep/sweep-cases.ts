// Which cases of the table are run: all of them (the bench `crash-sweep`), or those for every day: the first of each row where it
// matters most, and some more.

import type { JobType } from './job-types.ts';
import { struckElsewhere, sweepTable } from './sweep-table.ts';

/** Too much work for every day. */
export const benchOnly: readonly JobType[] = ['publish-large', 'publish-deep'];

/** Beside the first of each row: the moments that matter most, and the same moments of work that goes another way. */
const alsoDaily: Readonly<Partial<Record<JobType, readonly string[]>>> = {
  publish: [
    'agent.stage.staged',
    'agent.journal.renamed',
    'agent.live.moved',
    'agent.decision.switched',
    'ccm.core.requested',
    'ccm.core.decided',
    'ccm.assignment.stored',
  ],
  rollback: ['agent.live.moved', 'agent.journal.renamed', 'ccm.core.decided', 'ccm.core.ended'],
  abort: ['agent.stage.staged', 'ccm.core.ended'],
  synchronize: ['agent.stage.carried-out', 'agent.live.moved', 'ccm.core.saved'],
  replicate: ['agent.stage.entered', 'agent.live.moved', 'ccm.assignment.recorded'],
  'switch-back': ['agent.pending.noted'],
  rotate: ['agent.identity.key-named', 'ccm.keys.history-written', 'ccm.certificate.issued'],
};

export function casesOf(type: JobType, which: 'all' | 'daily'): string[] {
  const all = sweepTable.flatMap(({ failpoints, passedIn }) => (passedIn.includes(type) ? failpoints : []));
  if (which === 'all') return all;
  const first = sweepTable.flatMap(({ failpoints, passedIn }) =>
    passedIn[0] === type ? failpoints.slice(0, 1) : [],
  );
  return all.filter((name) => first.includes(name) || alsoDaily[type]?.includes(name));
}

/** Names that the trace of this kind of work may hold beside those. */
export function variesIn(type: JobType): string[] {
  const inTable = sweepTable.flatMap((row) => (row.variesIn?.includes(type) ? row.failpoints : []));
  return [...inTable, ...Object.keys(struckElsewhere)];
}

export function needsPlugins(type: JobType): boolean {
  return type.endsWith('plugins') || type === 'switch-back';
}
