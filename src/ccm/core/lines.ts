// What the pusher's terminal and the CLI are told at the end of a job, in the words of REQUIREMENTS.

import type { ObjectId } from '../../model/tree.ts';
import type { Job, SiteState } from './state.ts';
import type { Turn } from './turn.ts';

export function shortId(id: ObjectId | null): string {
  return id === null ? 'none' : id.slice(0, 10);
}

export function unchangedText(job: Job): string {
  return `unchanged: tree ${shortId(job.tree)} is live already; commit ${shortId(job.commit)} recorded`;
}

/** `staged 20/20  live 20/20  212 ms`, and a line for each kind of node that is not live. */
export function publishedText(turn: Turn, site: SiteState, job: Job): string {
  const members = [...job.nodes].sort(([a], [b]) => (a < b ? -1 : 1));
  const total = members.length;
  const live = members.filter(([, state]) => state.state === 'live').length;
  const staged = members.filter(([, state]) => state.stagedAt !== null || state.state === 'live').length;
  const took = `${turn.now - job.createdAt} ms`;
  const head =
    job.type === 'rollback'
      ? `rolled back to tree ${shortId(job.tree)}  live ${live}/${total}  ${took}`
      : `staged ${staged}/${total}  live ${live}/${total}  ${took}`;
  const notes = [
    note(
      members.filter(([, state]) => state.state === 'left-out').map(([name]) => name),
      'was not connected or is in maintenance; it is stale and will be synchronized when it returns',
    ),
    note(
      members.filter(([, state]) => state.state === 'stale').map(([name]) => name),
      'is stale; it will be synchronized',
    ),
  ];
  void site;
  return [head, ...notes.filter((line) => line !== null)].join('\n');
}

/** Why nothing was committed: each failed node, what, why. */
export function failedText(job: Job): string {
  const failed = [...job.nodes].filter(([, state]) => state.state === 'failed' || state.state === 'lost');
  const shown = failed
    .slice(0, 10)
    .map(
      ([name, state]) =>
        `${name}: ${state.error?.message ?? state.state} [${state.error?.code ?? 'NODE_LOST'}]${state.error?.fix === undefined ? '' : ` — ${state.error.fix}`}`,
    );
  const rest = failed.length > 10 ? [`and ${failed.length - 10} more nodes`] : [];
  return [
    `not published: ${failed.length} of ${job.nodes.size} nodes did not stage; nothing was switched, the tree that was live stays live (job ${job.id})`,
    ...shown,
    ...rest,
  ].join('\n');
}

function note(names: readonly string[], text: string): string | null {
  if (names.length === 0) return null;
  const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
  return `${shown.join(', ')} ${names.length === 1 ? text : text.replace(/^is /, 'are ').replace(/^was /, 'were ').replace(' or is ', ' or are ').replace('; it is ', '; they are ').replace('it will', 'they will').replace('it returns', 'they return')}`;
}
