// LEAD-80: what an accepted leader is told of how much it may send by multicast, and when.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settledSegment } from './testing/segment-fixture.ts';

const night = { from: '22:00', to: '06:00', mbit: null };

test('LEAD-80 R7: a leader hears its limits when its session begins and whenever they change, and nobody else does', async () => {
  const fixture = await settledSegment('web3');
  const { registry, segments, told } = fixture;
  const last = (node: string) => told(node, 'leaderLimits').at(-1);
  const count = () => told('web1', 'leaderLimits').length;
  assert.deepEqual(told('web1', 'leaderLimits'), [{ type: 'leaderLimits', segment: null, sites: {} }]);

  const [{ name } = { name: '' }] = segments.list();
  const rate = { mbit: 200, hours: [night] };
  assert.deepEqual(registry.segments.setRate(name, rate, 'ann').rate, rate);
  segments.changed();
  assert.deepEqual(last('web1'), { type: 'leaderLimits', segment: rate, sites: {} });
  assert.deepEqual(segments.get(name).rate, rate);

  registry.groups.create({ name: 'far', nodes: [] }, 'ann');
  for (const [site, group] of [
    ['docs', 'all'],
    ['shop', 'far'],
    ['free', 'all'],
  ] as const)
    registry.sites.create({ name: site, group }, 'ann');
  for (const site of ['docs', 'shop'])
    registry.sites.update(site, { policy: { rate: { mbit: 10, hours: [] } } }, 'ann');
  segments.sitesChanged();
  assert.deepEqual(
    last('web1')?.sites,
    { docs: { mbit: 10, hours: [] } },
    'of sites with a node there alone',
  );
  const before = count();
  segments.sitesChanged();
  segments.changed();
  assert.equal(count(), before, 'nothing changed, nothing is told');
  registry.groups.update('far', { nodes: ['web3'] }, 'ann');
  segments.sitesChanged();
  assert.deepEqual(Object.keys(last('web1')?.sites ?? {}), ['docs', 'shop']);
  registry.sites.update('docs', { policy: { rate: null } }, 'ann');
  registry.sites.remove('shop', 'ann');
  registry.segments.setRate(name, null, 'ann');
  segments.sitesChanged();
  assert.deepEqual(last('web1'), { type: 'leaderLimits', segment: null, sites: {} });
  for (const node of ['web2', 'web3']) assert.equal(last(node), undefined);

  const said = count();
  segments.disconnected('web1');
  registry.segments.setRate(name, rate, 'ann');
  segments.changed();
  assert.equal(count(), said, 'it leads no more');
  fixture.report('web2', ['web3'], { term: 2 });
  assert.deepEqual(last('web2')?.segment, rate, 'its successor hears at once');
  assert.deepEqual(
    registry.events
      .page({ after: 0, limit: 1_000 })
      .filter(({ kind }) => kind === 'segment.rateSet')
      .map(({ actor, data }) => [actor, data['rate']]),
    [
      ['ann', rate],
      ['ann', null],
      ['ann', rate],
    ],
  );
});
