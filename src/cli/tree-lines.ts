// How an assignment went from leader to leader, as lines for people: each below the one that it fetches from, a tree for each part.

import type { TreeAssignmentResource, TreeLeaderResource, TreeResource } from '../model/api.ts';
import { releaseName } from '../model/release.ts';
import { mbitText } from './multicast-lines.ts';
import { printable } from './printable.ts';
import { fieldLines } from './resource-lines.ts';
import { createStyle, type Style } from './style.ts';
import { tableLines } from './table.ts';
import { bytesText, countText, durationText, nothing, shortId } from './text.ts';

const headings = [
  'SOURCE AND WHO FETCHES FROM IT',
  'SEGMENT',
  'STATE',
  'BLOCKS',
  'FETCHED',
  'MBIT/S',
  'DELAY',
  'BEGAN',
  'HELD',
  'NODES',
];
const ccm = 'CCM';

interface Placed {
  /** With the lines that lead to it. */
  readonly drawn: string;
  readonly leader: TreeLeaderResource;
  readonly source: string | null;
}

export function treeLines(tree: TreeResource, style: Style = createStyle(false)): string[] {
  const lines = fieldLines([
    ['job', tree.job],
    ['site', tree.site],
    ['release', tree.release === null ? nothing : releaseName(tree.release)],
  ]);
  if (tree.assignments.length === 0)
    return [
      ...lines,
      '',
      'Nothing of it went from leader to leader: it was small enough for messages, no segment has a leader, or the CCM was started since.',
    ];
  return [...lines, ...tree.assignments.flatMap((assignment) => ['', ...assignmentLines(assignment, style)])];
}

function assignmentLines(assignment: TreeAssignmentResource, style: Style): string[] {
  const { leaders, blocks, bytes, startedAt, completedAt } = assignment;
  const held = leaders.filter(({ state }) => state === 'held').length;
  const took = completedAt === null ? '' : `, after ${durationText(startedAt, completedAt)}`;
  const head = `assignment ${shortId(assignment.assignment)}, ${bytesText(bytes)} in ${countText(blocks, 'block')}: ${held} of ${countText(leaders.length, 'leader')} ${held === 1 ? 'holds' : 'hold'} it${took}`;
  const parts = leaders.some(({ sources }) => sources.some((source) => source.parts === 2)) ? [0, 1] : [0];
  const trees = parts.flatMap((part) => [
    ...(parts.length === 1 ? [] : ['', `part ${part + 1} of ${parts.length}`]),
    ...partLines(assignment, part, style),
  ]);
  return [style.bold(head), ...trees, ...troubleLines(leaders, style)];
}

function partLines(
  { leaders, startedAt, blocks }: TreeAssignmentResource,
  part: number,
  style: Style,
): string[] {
  const placed = placedLeaders(leaders, part);
  const rows = placed.map(({ drawn, leader, source }) => {
    const { segment, state, heldBlocks, handedOutAt, heldAt, nodes, transfers } = leader;
    const from = transfers.filter(({ node }) => node === source);
    const bytesPerSecond = from.findLast((transfer) => transfer.bytesPerSecond !== null)?.bytesPerSecond;
    const delayMs = from.findLast((transfer) => transfer.delayMs !== null)?.delayMs;
    return [
      drawn,
      segment,
      stateText(leader, style),
      state === 'held' ? String(blocks) : `${heldBlocks} of ${blocks}`,
      from.length === 0 ? nothing : bytesText(from.reduce((sum, { bytes }) => sum + bytes, 0)),
      bytesPerSecond == null ? nothing : mbitText(bytesPerSecond),
      delayMs == null ? nothing : `${Math.round(delayMs * 10) / 10} ms`,
      durationText(startedAt, handedOutAt),
      durationText(startedAt, heldAt),
      nodesText(nodes),
    ];
  });
  return tableLines(headings, [[ccm, ...headings.slice(1).map(() => '')], ...rows]).map((line) =>
    line.trimEnd(),
  );
}

/** From the CCM down; then those whose source is not among them, or who form a ring; then those without any. */
function placedLeaders(leaders: readonly TreeLeaderResource[], part: number): Placed[] {
  const sourceOf = ({ sources }: TreeLeaderResource): string | null | undefined =>
    sources.find((source) => source.parts === 1 || source.part === part)?.node;
  const below = Map.groupBy(leaders, sourceOf);
  const placed: Placed[] = [];
  const seen = new Set<string>();
  // No recursion: a chain may be thousands long.
  const place = (roots: readonly TreeLeaderResource[], source: string | null): void => {
    const open = branches(roots, '', source);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next.leader.node)) continue;
      seen.add(next.leader.node);
      placed.push(next);
      open.push(...branches(below.get(next.leader.node) ?? [], next.indent, next.leader.node));
    }
  };
  place(below.get(null) ?? [], null);
  for (const leader of leaders) {
    const source = sourceOf(leader);
    if (source === undefined || source === null || seen.has(leader.node)) continue;
    placed.push({ drawn: `… from ${source}: ${leader.node}`, leader, source });
    seen.add(leader.node);
    place(below.get(leader.node) ?? [], leader.node);
  }
  for (const leader of below.get(undefined) ?? [])
    if (!seen.has(leader.node)) placed.push({ drawn: leader.node, leader, source: null });
  return placed;
}

/** The first one last, to be taken first. */
function branches(
  leaders: readonly TreeLeaderResource[],
  indent: string,
  source: string | null,
): (Placed & { readonly indent: string })[] {
  return leaders
    .map((leader, index) => {
      const isLast = index === leaders.length - 1;
      // Who alone fetches from the line above stays below it: a chain goes straight down, however long it is.
      const isChain = leaders.length === 1;
      return {
        leader,
        source,
        drawn: `${indent}${isChain ? '↳ ' : isLast ? '└ ' : '├ '}${leader.node}`,
        indent: isChain ? indent : `${indent}${isLast ? '  ' : '│ '}`,
      };
    })
    .reverse();
}

function stateText({ state, isHere, avoided }: TreeLeaderResource, style: Style): string {
  const shown = state === 'held' ? style.good(state) : state === 'failed' ? style.bad(state) : state;
  const more = [...(isHere ? [] : ['away']), ...(avoided === null ? [] : [`avoided: ${avoided}`])];
  return more.length === 0 ? shown : `${shown}, ${style.warn(more.join(', '))}`;
}

function nodesText({ wanted, live, failed }: TreeLeaderResource['nodes']): string {
  return `${live} of ${wanted} live${failed === 0 ? '' : `, ${failed} failed`}`;
}

function troubleLines(leaders: readonly TreeLeaderResource[], style: Style): string[] {
  return leaders.flatMap(({ node, error }) => {
    if (error === null) return [];
    const fix = error.fix === undefined ? [] : [`  fix: ${printable(error.fix)}`];
    return [`${style.bad(node)}: ${printable(error.message)} [${error.code}]`, ...fix];
  });
}
