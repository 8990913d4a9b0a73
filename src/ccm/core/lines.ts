// What the pusher's terminal and the CLI are told at the end of a job, in the words of REQUIREMENTS.

import type { ObjectId } from '../../model/tree.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { Job, JobNodeState } from './state.ts';

/** Nodes named one by one; the others are counted. */
const nodesShownMax = 10;

export function shortId(id: ObjectId | null): string {
  return id === null ? 'none' : id.slice(0, 10);
}

export function unchangedText(job: Job): string {
  return `unchanged: tree ${shortId(job.tree)} is live already; commit ${shortId(job.commit)} recorded`;
}

/** `staged 20/20  live 20/20  212 ms`, and who is not live, why, and what becomes of it. */
export function publishedText(job: Job, now: number): string {
  const nodes = [...job.nodes.values()];
  const live = nodes.filter((node) => node.state === 'live').length;
  const staged = nodes.filter((node) => node.stagedAt !== null).length;
  const counts = `live ${live}/${nodes.length}  ${now - job.createdAt} ms`;
  const head =
    job.type === 'rollback'
      ? `rolled back to tree ${shortId(job.tree)}  ${counts}`
      : `staged ${staged}/${nodes.length}  ${counts}`;
  const leftOut = namesOf(job, 'left-out');
  return [
    head,
    ...(leftOut.length === 0
      ? []
      : [`${listed(leftOut)}: not connected or in maintenance; stale, and synchronized when it returns`]),
    ...reasons(job, ['stale'], 'stale, and will be synchronized'),
    ...notPutBack(job),
    ...undrained(job),
  ].join('\n');
}

/** Live, and yet nobody is sent to them. */
function notPutBack(job: Job): string[] {
  return [...job.nodes]
    .filter(([, node]) => node.state === 'live' && node.error !== null)
    .map(([name, { error }]) => `${name}: live, but not back in service yet: ${reasonOf(error as WireError)}`)
    .sort()
    .slice(0, nodesShownMax);
}

function undrained(job: Job): string[] {
  const names = [...(job.rollout?.undrained ?? [])].sort();
  return names.length === 0
    ? []
    : [`${listed(names)}: switched in service, as too few would have stayed in service without`];
}

/** Why nothing was committed: each failed node, what, why, what to do. */
export function failedText(job: Job): string {
  const failed = [...namesOf(job, 'failed'), ...namesOf(job, 'lost')].length;
  return [
    `not published: ${failed} of ${job.nodes.size} nodes did not stage; nothing was switched, the tree that was live stays live (job ${job.id})`,
    ...reasons(job, ['failed', 'lost'], 'did not stage'),
  ].join('\n');
}

/** A line for each node in one of these states. */
function reasons(job: Job, states: readonly JobNodeState['state'][], what: string): string[] {
  const names = states.flatMap((state) => namesOf(job, state)).sort();
  const lines = names.slice(0, nodesShownMax).map((name) => {
    const error = job.nodes.get(name)?.error ?? null;
    return `${name}: ${error === null ? what : reasonOf(error)}`;
  });
  return names.length > nodesShownMax ? [...lines, `and ${names.length - nodesShownMax} more nodes`] : lines;
}

function reasonOf({ message, code, fix }: WireError): string {
  return `${message} [${code}]${fix === undefined ? '' : ` — ${fix}`}`;
}

function namesOf(job: Job, state: JobNodeState['state']): string[] {
  return [...job.nodes]
    .filter(([, node]) => node.state === state)
    .map(([name]) => name)
    .sort();
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, nodesShownMax).join(', ');
  return names.length > nodesShownMax ? `${shown} and ${names.length - nodesShownMax} more` : shown;
}
