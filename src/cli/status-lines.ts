// The status of sites as lines: what is live, how far the job is, and a table of nodes.

import type { JobNode, SiteStatus } from '../model/api.ts';
import { releaseName } from '../model/release.ts';
import { driftLines } from './drift-lines.ts';
import { fixLines } from './fix-lines.ts';
import { phaseText, progressText } from './job-lines.ts';
import { printable } from './printable.ts';
import { connectionText } from './resource-lines.ts';
import type { Style } from './style.ts';
import { tableLines } from './table.ts';
import { nothing, shortId, timeText } from './text.ts';

export function statusLines(all: readonly SiteStatus[], style: Style): string[] {
  if (all.length === 0) return ['There are no sites. Add one with `treecast site add`.'];
  return all.flatMap((status, index) => [...(index === 0 ? [] : ['']), ...siteStatusLines(status, style)]);
}

function siteStatusLines(status: SiteStatus, style: Style): string[] {
  const { job } = status;
  const live =
    status.tree === null
      ? 'nothing published yet'
      : `tree ${shortId(status.tree)}  commit ${shortId(status.commit)}  release ${
          status.release === null ? nothing : releaseName(status.release)
        }  since ${timeText(status.liveSince)}`;
  const lines = [`${style.bold(status.site)} (${printable(status.branch)})  ${live}`];
  if (status.lost !== undefined) {
    const { message, code, fix } = status.lost.error;
    lines.push(`  ${style.bad(printable(`${message} [${code}]`))}`);
    if (fix !== undefined) lines.push(`  what to do: ${printable(fix)}`);
  }
  if (job !== null) {
    lines.push(`  job ${job.id}  ${job.type}  ${phaseText(job, style)}${bar(job.nodes)}`);
    if (job.error !== null) lines.push(`  ${style.bad(printable(job.error.message))}`);
  }
  if (status.nodes.length === 0) return [...lines, '  no nodes in its group'];
  const table = tableLines(
    ['NODE', 'STATE', 'PHASE', 'PROGRESS', 'LIVE TREE', 'URL', 'ERROR'],
    status.nodes.map((node) => {
      const jobNode = job?.nodes.find((each) => each.node === node.node);
      const error = errorOf(node, job);
      return [
        node.node,
        connectionText(node),
        paintPhase(node.phase, style),
        jobNode === undefined ? '' : progressText(jobNode),
        node.liveTree === (status.lost?.tree ?? status.tree)
          ? shortId(node.liveTree)
          : style.warn(shortId(node.liveTree)),
        node.url ?? nothing,
        error === null ? '' : printable(error.message),
      ];
    }),
  );
  const fixes = fixLines(status.nodes.map((node) => ({ name: node.node, error: errorOf(node, job) })));
  const owed =
    status.owed === undefined || status.owed === 0
      ? []
      : [style.warn(`plugins owe ${status.owed}: treecast plugin tasks --site ${status.site} --state owed`)];
  const drift = status.nodes.flatMap(({ node, drift: drifted }) =>
    drifted === undefined ? [] : driftLines(node, drifted).map((line) => style.warn(line)),
  );
  return [...lines, ...[...table, ...fixes, ...drift, ...owed].map((line) => `  ${line}`)];
}

/** What is wrong with a node now; what a published job met on a node that has become live since is over. */
function errorOf({ node, phase, error }: SiteStatus['nodes'][number], job: SiteStatus['job']) {
  if (error !== null || (phase === 'live' && job?.phase === 'succeeded')) return error;
  return job?.nodes.find((each) => each.node === node)?.error ?? null;
}

function paintPhase(phase: SiteStatus['nodes'][number]['phase'], style: Style): string {
  if (phase === 'live') return style.good(phase);
  if (phase === 'failed') return style.bad(phase);
  return phase === 'stale' ? style.warn(phase) : phase;
}

/** `  staged 2/3  live 0/3`, of the nodes that take part. */
function bar(nodes: readonly JobNode[]): string {
  const taking = nodes.filter(({ state }) => state !== 'left-out');
  if (taking.length === 0) return '';
  const staged = taking.filter(({ state, stagedAt }) => stagedAt !== null || state === 'live').length;
  const live = taking.filter(({ state }) => state === 'live').length;
  return `  staged ${staged}/${taking.length}  live ${live}/${taking.length}`;
}
