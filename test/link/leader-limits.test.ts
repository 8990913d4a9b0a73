// A whole CCM and an accepted leader: which limits it hears, in order with its session, and how what it tells of its multicast is shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaderProfile } from '../../src/model/leader-messages.ts';
import { segmentProfile } from '../../src/model/segment-messages.ts';
import { treeProfile } from '../../src/model/tree-messages.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { segmentCcm } from './segment-ccm.ts';

test('LEAD-80 LEAD-83 R7: limits follow the session that they are for, and every change; what a leader tells of multicast is shown until the CCM stops', async (t) => {
  const { client, connect, restart } = await segmentCcm(t);
  const web1 = await connect('web1');
  web1.report([]);
  await web1.until('leaderLimits');
  const order = web1.received.map(({ type }) => type).filter((type) => type.startsWith('leader'));
  assert.deepEqual(order, ['leaderSession', 'leaderLimits']);
  const segment = (await client.segments.list())[0]?.name ?? '';
  const day = { mbit: 200, hours: [{ from: '08:00', to: '18:00', mbit: 50 }] };
  await client.segments.update(segment, { rate: day });
  await web1.until('leaderLimits', (said) => said.segment?.mbit === 200);
  await client.sites.create({ name: 'shop', policy: { rate: { mbit: 10, hours: [] } } });
  await web1.until('leaderLimits', ({ sites }) => sites['shop']?.mbit === 10);

  const session = {
    id: '00c0ffee',
    site: 'shop',
    assignment: 'a'.repeat(64),
    group: '239.255.84.1',
    port: 17_460,
    repair: 'fec',
    isRunning: true,
    tookMs: 100,
    blocks: 3,
    blocksSent: 1,
    sentBytes: 140_000,
    bytesPerSecond: 1_250_000,
    bytesPerSecondMax: 1_250_000,
    loss: 0.01,
    repairShare: 0.02,
    receivers: { invited: 0, absent: 0, receiving: 1, complete: 0, failed: 0, unicast: 0 },
    incomplete: [],
    problem: null,
  };
  web1.say({ type: 'leaderSessions', sessions: [session] });
  const shown = async () => (await client.segments.get(segment)).sessions;
  await until('the session is shown', async () => (await shown()).length === 1);
  const [{ leader, startedAt, endedAt, ...facts } = { startedAt: '' }] = await shown();
  assert.deepEqual([facts, leader, endedAt], [session, 'web1', null]);
  assert.ok(Date.parse(startedAt) > 0);

  await restart();
  const again = await connect('web1', false);
  again.report([]);
  const { segment: kept } = await again.until('leaderLimits');
  assert.deepEqual([kept, await shown()], [day, []]);

  again.say({ type: 'leaderSessions', sessions: [{ ...session, loss: 2 }] });
  assert.equal(await again.closed, 4400);
});

test('TREE-70 TREE-75 R7: leaders that know of the tree hear of limits to and from elsewhere as well, others do not; what such a leader moved is shown', async (t) => {
  const { client, connect } = await segmentCcm(t);
  const old = await connect('web1');
  old.report([]);
  await old.until('leaderLimits');
  const segment = (await client.segments.list())[0]?.name ?? '';
  const rate = { mbit: 20, hours: [] };
  await client.segments.update(segment, { rate, wanRate: rate });
  const told = await old.until('leaderLimits', (said) => said.segment?.mbit === 20);
  assert.deepEqual(told, { type: 'leaderLimits', segment: rate, sites: {} });

  const profiles = ['linux-web-1', segmentProfile, leaderProfile, treeProfile];
  const web1 = await connect('web1', false, { profiles });
  web1.report([], { term: 2 });
  const first = await web1.until('leaderLimits');
  assert.deepEqual(first.wan, { segment: rate, sites: {} });
  await client.sites.create({ name: 'shop', policy: { rate, wanRate: { mbit: 5, hours: [] } } });
  const { wan, sites } = await web1.until('leaderLimits', (said) => said.wan?.sites['shop'] !== undefined);
  assert.deepEqual([wan?.sites, sites], [{ shop: { mbit: 5, hours: [] } }, { shop: rate }]);

  const moved = { servedBytes: 2_000_000, fetchedBytes: 1_000, tookMs: 10_000, bytesPerSecondMax: 2_500_000 };
  web1.say({ type: 'leaderTraffic', ...moved });
  const shown = async () => (await client.segments.get(segment)).traffic;
  await until('it is shown', async () => (await shown()) !== null);
  const { at, ...facts } = (await shown()) ?? { at: '' };
  assert.deepEqual([facts, Date.parse(at) > 0], [{ ...moved, leader: 'web1' }, true]);
});
