// A job's way down the tree as the API shows it.

import type {
  JobNode,
  JobResource,
  TreeAssignmentResource,
  TreeLeaderResource,
  TreeResource,
} from '../../model/api.ts';
import { rateOf } from './transfer-rates.ts';
import type { ShownLeader, TreeRun } from './tree-run.ts';

/** How far a node must have come to count as this. */
const reached: Readonly<Record<'held' | 'staged' | 'live' | 'failed', readonly JobNode['state'][]>> = {
  held: ['held', 'staged', 'live'],
  staged: ['staged', 'live'],
  live: ['live'],
  failed: ['failed', 'lost', 'stale'],
};

export function treeResource(
  job: JobResource,
  runs: readonly TreeRun[],
  segmentName: (id: string) => string,
): TreeResource {
  const states = new Map(job.nodes.map(({ node, state }) => [node, state]));
  return {
    job: job.id,
    site: job.site,
    release: job.release,
    assignments: runs.map((run) => assignmentResource(run, states, segmentName)),
  };
}

function assignmentResource(
  run: TreeRun,
  states: ReadonlyMap<string, JobNode['state']>,
  segmentName: (id: string) => string,
): TreeAssignmentResource {
  const { assignment, manifestBytes, dataBytes, blocks } = run.subject;
  const shown = run.shown();
  const children = new Map<string, Set<string>>();
  for (const { node, sources } of shown)
    for (const source of sources)
      if (source.node !== null) children.set(source.node, (children.get(source.node) ?? new Set()).add(node));
  return {
    assignment,
    bytes: manifestBytes + dataBytes,
    blocks,
    startedAt: timeOf(run.startedAt),
    completedAt: timeOrNull(run.completedAt),
    leaders: shown.map((leader) =>
      leaderResource(leader, [...(children.get(leader.node) ?? [])], states, segmentName),
    ),
  };
}

function leaderResource(
  leader: ShownLeader,
  children: readonly string[],
  states: ReadonlyMap<string, JobNode['state']>,
  segmentName: (id: string) => string,
): TreeLeaderResource {
  const { segment, node, state, isHere, sources, avoided, heldBlocks, error } = leader;
  const count = (of: keyof typeof reached): number =>
    [...leader.nodes].filter((name) => reached[of].includes(states.get(name) ?? 'pending')).length;
  return {
    segment: segmentName(segment),
    node,
    state,
    isHere,
    sources,
    children,
    avoided,
    heldBlocks,
    handedOutAt: timeOrNull(leader.handedOutAt),
    heldAt: timeOrNull(leader.heldAt),
    transfers: leader.figures.map((figures) => ({ ...figures, bytesPerSecond: rateOf(figures) })),
    error,
    nodes: {
      wanted: leader.nodes.size,
      held: count('held'),
      staged: count('staged'),
      live: count('live'),
      failed: count('failed'),
    },
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : timeOf(at);
}
