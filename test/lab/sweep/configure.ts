// What operators change, one thing after the other, ending where it began: a group, a site, a token, a segment, labels, maintenance. Repeating it
// after a crash is harmless: what is there already, or gone already, counts as done.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TreecastError } from '../../../src/model/treecast-error.ts';
import { until } from '../../../src/plugins/testing/until.ts';
import type { StrikingFleet } from './striking-fleet.ts';

const group = 'temporary';
export const extraSite = 'extra';
const segment = 'rack';
const channel = { transport: 'unicast', group: null, port: 17_447 } as const;

export async function configure({ fleet: { client }, nodeDirectories }: StrikingFleet): Promise<void> {
  const at = join(nodeDirectories[1] as string, 'sites', extraSite);
  await done(client.groups.create({ name: group, nodes: [], selector: null }));
  await done(client.groups.update(group, { nodes: ['node1', 'node2'] }));
  await done(client.groups.setOrder(group, ['node1']));
  await done(client.sites.create({ name: extraSite, group }));
  await until('the node has the new site', () => existsSync(join(at, 'inbox')));
  await done(client.sites.update(extraSite, { policy: { fileMode: '0640' } }));
  await done(client.groups.update(group, { nodes: ['node1'] }));
  await until('the node has lost the site', () => !existsSync(at));
  await done(client.tokens.create({ name: group, roles: ['viewer'] }));
  for (const { id, name, revokedAt } of await client.tokens.list())
    if (name === group && revokedAt === null) await client.tokens.revoke(id);
  await client.joinTokens.create({ segment });
  await done(client.segments.update(segment, { channel }));
  await done(client.segments.update(segment, { rate: { mbit: 100, hours: [] } }));
  await done(client.segments.update(segment, { wanRate: { mbit: 100, hours: [] } }));
  await done(client.segments.update(segment, { name: 'renamed' }));
  for (const name of [segment, 'renamed']) await done(client.segments.remove(name));
  for (const leadRole of ['never', 'allowed'] as const) await client.nodes.update('node1', { leadRole });
  for (const leadFactor of [2, 1]) await client.nodes.update('node1', { leadFactor });
  await client.nodes.update('node1', { maintenance: true });
  await client.nodes.update('node1', { maintenance: false });
  await client.nodes.update('node1', { labels: { place: 'rack' } });
  await client.nodes.update('node1', { labels: {} });
  await done(client.sites.remove(extraSite));
  await done(client.groups.remove(group));
}

async function done(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    const code = error instanceof TreecastError ? error.code : '';
    if (code !== 'ALREADY_EXISTS' && code !== 'NOT_FOUND') throw error;
  });
}
