// What a leader must not be believed in reaches its members over links of their own, for a moment: a site's policy, new keys, and
// a removal.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { openBehindLab } from './behind-lab.ts';

test('LEAD-5 LEAD-52 KEYS-10: members behind a leader are called for a new policy, and for a new authority; they renew, and are behind again', async (t) => {
  const lab = await openBehindLab(t, 3);
  const { client, site } = lab.fleet;
  const nodes = ['node1', 'node2', 'node3'];
  await lab.allBehind();
  await lab.publish({ 'index.html': 'one\n' });
  await client.sites.update(site, { policy: { fileMode: '0640' } });
  await lab.allBehind();
  await lab.publish({ 'index.html': 'two\n' });
  for (const node of nodes) {
    const file = join(lab.directory, node, 'sites', site, 'live', 'index.html');
    assert.equal(statSync(file).mode & 0o777, 0o640, node);
  }

  const certificate = (node: string): string =>
    (JSON.parse(readFileSync(join(lab.directory, node, 'identity', 'node.json'), 'utf8')) as never)[
      'certificate'
    ];
  const before = nodes.map(certificate);
  await client.keys.rotate({ kind: 'ca' });
  await client.keys.rotate({ kind: 'release' });
  await until(
    'all have new certificates',
    () => nodes.every((node, index) => certificate(node) !== before[index]),
    45_000,
  );
  await lab.allBehind();
  await lab.publish({ 'index.html': 'three\n' });
});

test('LEAD-2 KEYS-7: a member that is removed while it is behind is out, and keeps what it has; the others go on', async (t) => {
  const lab = await openBehindLab(t, 3);
  const { client, site } = lab.fleet;
  const leader = await lab.allBehind();
  await lab.publish({ 'index.html': 'one\n' });
  const [removed, stays] = ['node1', 'node2', 'node3'].filter((node) => node !== leader) as [string, string];
  await client.nodes.remove(removed);
  const tree = await lab.publish({ 'index.html': 'two\n' });
  const liveOf = (node: string): string =>
    readFileSync(join(lab.directory, node, 'sites', site, 'live', 'index.html'), 'utf8');
  assert.deepEqual([liveOf(removed), liveOf(leader), liveOf(stays)], ['one\n', 'two\n', 'two\n']);
  await lab.allBehind();
  const { nodes } = await client.sites.verify(site);
  assert.deepEqual(
    nodes.map((row) => [row.name, row.tree]),
    [leader, stays].sort().map((node) => [node, tree]),
  );
});
