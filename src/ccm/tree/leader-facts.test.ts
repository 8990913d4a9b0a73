// In which order leaders are handed out to, and what of their links is assumed: the operator's word, reports, measures, limits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { BelievedReport } from '../db/schema.ts';
import { certificateOf, temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createLeaderFacts } from './leader-facts.ts';
import { createLeaderMeasures } from './leader-measures.ts';
import { createLeaderPlaces } from './leader-places.ts';
import { reportOf } from './testing/tree-fixture.ts';

async function knowing() {
  const { registry, database } = await temporaryRegistry();
  const clock = createManualClock();
  const reports = new Map<string, BelievedReport>();
  const report = (node: string) => reports.get(node);
  const measures = createLeaderMeasures({
    ...{ database, health: { waitsFor: undefined }, clock, random: () => 0.5 },
    onError: () => undefined,
  });
  const places = createLeaderPlaces(clock, report);
  const facts = createLeaderFacts({ registry, places, measures, reportOf: report, clock });
  registry.sites.create({ name: 'shop' }, 'ann');
  const segments = new Map<string, string>();
  for (const node of ['a', 'b', 'c']) {
    registry.nodes.join({ name: node, ...certificateOf(node) });
    segments.set(node, registry.segments.ensure(`hall-${node}`, 'ann').id);
    reports.set(node, reportOf(node, '10.0.0.1'));
  }
  const inOrder = (site = 'shop'): string => {
    const leaders = facts.forSite(site);
    const items = [...segments].map(([node, segment]) => ({ leader: leaders.of(node, segment) }));
    return leaders
      .inOrder(items)
      .map(({ leader }) => leader.node)
      .join(' ');
  };
  return { registry, facts, measures, reports, segments, inOrder };
}

test('TREE-10 R6.1: the order is by what was measured and reported, and equal ones by name', async () => {
  const { measures, reports, inOrder } = await knowing();
  assert.equal(inOrder(), 'a b c');
  measures.fetched('x', [{ node: 'c', bytes: 1e9, ms: 1_000, delayMs: null }]);
  assert.equal(inOrder(), 'c a b');
  for (let repeat = 0; repeat < 20; repeat += 1) measures.troubled('a');
  assert.equal(inOrder(), 'c b a');
  reports.set('b', reportOf('b', '10.0.0.1', { cpus: 1, freeBytes: 0, connections: 100_000 }));
  measures.delayed('b', 5_000);
  for (let repeat = 0; repeat < 20; repeat += 1) measures.troubled('c');
  assert.equal(inOrder().split(' ')[0], 'c', 'a fast link outweighs much');
});

test('TREE-10 R6.1: the operator’s order for the site’s group goes first, by segment or node; names that are gone do no harm', async () => {
  const { registry, inOrder } = await knowing();
  registry.groups.setOrder('all', ['c', 'hall-b'], 'ann');
  assert.equal(inOrder(), 'c b a');
  registry.segments.rename('hall-b', 'attic', 'ann');
  assert.equal(inOrder(), 'c a b');
  assert.equal(inOrder('gone'), 'a b c');
});

test('TREE-70 TREE-91: a limit of the segment or the site is the most that its leader is thought to send', async () => {
  const { registry, facts, measures, segments } = await knowing();
  const up = (): number | null => facts.forSite('shop').of('a', segments.get('a') ?? '').upBytesPerSecond;
  assert.equal(up(), null);
  registry.segments.setWanRate('hall-a', { mbit: 100, hours: [] }, 'ann');
  assert.equal(up(), 12_500_000);
  registry.sites.update('shop', { policy: { wanRate: { mbit: 8, hours: [] } } }, 'ann');
  assert.equal(up(), 1_000_000);
  registry.sites.update('shop', { policy: { wanRate: null } }, 'ann');
  measures.fetched('x', [{ node: 'a', bytes: 1e7, ms: 1_000, delayMs: null }]);
  assert.equal(up(), 10_000_000);
});

test('TREE-97: a leader that comes back costs nothing for the groups and segments that there are', async () => {
  const { registry, facts, segments } = await knowing();
  const segment = segments.get('a') ?? assert.fail();
  registry.segments.setWanRate('hall-a', { mbit: 8, hours: [] }, 'ann');
  const before = registry.segments.wanRates();
  assert.equal(facts.forSite('shop').of('a', segment).upBytesPerSecond, 1_000_000);
  assert.equal(registry.segments.wanRates(), before, 'read once');
  registry.segments.setWanRate('hall-a', null, 'ann');
  assert.equal(facts.forSite('shop').of('a', segment).upBytesPerSecond, null);
});
