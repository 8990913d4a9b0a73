// Sites, groups and nodes as lines for people.

import type { GroupResource, NodeResource, SiteResource } from '../model/api.ts';
import { releaseName } from '../model/release.ts';
import { driftLines } from './drift-lines.ts';
import { fixLines } from './fix-lines.ts';
import { nodeSegmentFields } from './node-segment-fields.ts';
import { printable } from './printable.ts';
import { tableLines } from './table.ts';
import { bytesText, nothing, shortId, timeText } from './text.ts';

export function siteLines(site: SiteResource): string[] {
  const { live, policy, drift = [] } = site;
  const fields = fieldLines([
    ['site', site.name],
    ['repository', `${site.repository} (${site.gitUrl})`],
    ['branch', printable(site.branch)],
    ['group', site.group],
    ['live tree', live === null ? 'nothing published yet' : live.tree],
    ['commit', live?.commit ?? nothing],
    ['release', live === null ? nothing : `${releaseName(live.release)}, since ${timeText(live.at)}`],
    ['policy', printable(JSON.stringify(policy))],
  ]);
  return [...fields, ...drift.flatMap(({ node, ...drifted }) => driftLines(node, drifted))];
}

export function groupLines(group: GroupResource): string[] {
  return fieldLines([
    ['group', group.name],
    ['nodes', group.nodes.join(', ') || nothing],
    ['selector', selectorText(group)],
    ['leaders first', group.order?.join(', ') || nothing],
  ]);
}

export function selectorText({ selector }: GroupResource): string {
  if (selector === null) return nothing;
  return labelsText(selector) || 'every node';
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => printable(`${key}=${value}`))
    .join(', ');
}

export function connectionText(
  node: Pick<NodeResource, 'connected' | 'maintenance'> & Partial<Pick<NodeResource, 'isNew'>>,
): string {
  const more = [node.maintenance ? ', maintenance' : '', node.isNew === true ? ', new' : ''];
  return `${node.connected ? 'connected' : 'away'}${more.join('')}`;
}

function linkText({ connected, behind }: NodeResource): string {
  if (!connected) return nothing;
  return behind == null ? 'its own' : `through ${behind.leader}, its leader, since ${timeText(behind.since)}`;
}

export function nodeLines(node: NodeResource): string[] {
  const lines = fieldLines([
    ['node', node.name],
    ['state', connectionText(node)],
    ['link', linkText(node)],
    ['url', node.url ?? nothing],
    ['labels', labelsText(node.labels) || nothing],
    ['agent', node.agentVersion ?? nothing],
    ['free space', bytesText(node.freeBytes)],
    ['joined', timeText(node.joinedAt)],
    ['last seen', timeText(node.lastSeenAt)],
    [
      'certificate',
      node.certificate === null
        ? nothing
        : `until ${timeText(node.certificate.expiresAt)}, serial ${node.certificate.serial}`,
    ],
    ...nodeSegmentFields(node),
  ]);
  if (node.sites.length === 0) return lines;
  const table = tableLines(
    ['SITE', 'PHASE', 'LIVE TREE', 'RELEASE', 'SINCE', 'BACKUP', 'ERROR'],
    node.sites.map((site) => [
      site.site,
      site.phase,
      shortId(site.liveTree),
      site.liveRelease === null ? nothing : releaseName(site.liveRelease),
      timeText(site.liveSince),
      shortId(site.backupTree),
      site.error === null ? '' : printable(site.error.message),
    ]),
  );
  const fixes = fixLines(node.sites.map(({ site, error }) => ({ name: site, error })));
  const drift = node.sites.flatMap(({ site, drift: drifted }) =>
    drifted === undefined ? [] : driftLines(site, drifted),
  );
  const passes = node.sites.flatMap(({ site, scrubbedAt }) =>
    scrubbedAt === undefined ? [] : [`${site}: every byte was last read again ${timeText(scrubbedAt)}`],
  );
  return [...lines, '', ...table, ...fixes, ...drift, ...passes, ...hookLines(node)];
}

/** What plugins on the node did for its newest releases. */
function hookLines({ sites }: NodeResource): string[] {
  const rows = sites.flatMap(({ site, hooks = [] }) =>
    hooks.map(({ plugin, hook, ms, ok, note }) => [
      site,
      plugin,
      hook,
      `${ms} ms`,
      ok ? printable(note ?? '') : 'failed',
    ]),
  );
  return rows.length === 0 ? [] : ['', ...tableLines(['SITE', 'PLUGIN', 'HOOK', 'TOOK', 'NOTE'], rows)];
}

/** `name  value` lines with the values below each other. */
export function fieldLines(fields: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...fields.map(([label]) => label.length));
  return fields.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
}
