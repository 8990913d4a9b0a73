// What nodes are told of their segments, when, and how often; what they are not told of they do not speak of.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unassignedSegment } from '../../model/segment.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { segmentFixture, settledSegment } from './testing/segment-fixture.ts';

test('LINK-42: who was told of no segment says nothing of one', async () => {
  const { registry, segments, say, connect } = await segmentFixture();
  connect('web1');
  segments.connected('web1', { profiles: ['linux-web-1'] });
  segments.welcomed('web1');
  assert.throws(() => say('web1'), hasCode('MESSAGE_INVALID'));
  assert.deepEqual(registry.segments.list(), []);
});

test('KEYS-7 SEG-2: a removed node leads nothing, its certificate is told to all, and its name begins anew', async () => {
  const { registry, segments, told, idOf } = await settledSegment();
  const id = idOf('web1');
  registry.removeNode('web1', 'test');
  segments.removed('web1');
  segments.disconnected('web1');
  const fingerprint = Buffer.from('web1').toString('hex').padEnd(64, '0');
  assert.deepEqual(told('web2', 'revocations').at(-1)?.fingerprints, [fingerprint]);
  assert.equal(segments.list()[0]?.leader, null);
  assert.deepEqual(
    segments.list()[0]?.members.map(({ node }) => node),
    ['web2'],
  );
  const again = { ...certificateOf('web1').certificate, fingerprint: 'a'.repeat(64), serial: 'a' };
  registry.nodes.join({ name: 'web1', certificate: again });
  assert.equal(idOf('web1'), unassignedSegment);
  assert.notEqual(id, unassignedSegment);
});

test('operators’ changes are told: name, channel, role, factor, maintenance, and another segment', async () => {
  const { registry, segments, told, clock, idOf, report } = await settledSegment();
  const name = registry.segments.find(idOf('web1'))?.name ?? '';
  registry.segments.rename(name, 'rack-5', 'test');
  const channel = { transport: 'unicast', group: null, port: 5_000 } as const;
  registry.segments.setChannel('rack-5', channel, 'test');
  registry.segments.setRole('web1', 'preassigned', 'test');
  registry.segments.setRole('web2', 'preassigned', 'test');
  registry.segments.setFactor('web2', 2, 'test');
  registry.nodes.setMaintenance('web2', true, 'test');
  segments.changed();
  clock.advance(600);
  const last = told('web2', 'segment').at(-1);
  assert.deepEqual(
    [last?.name, last?.channel, last?.role, last?.factor, last?.maintenance],
    ['rack-5', channel, 'preassigned', 2, true],
  );
  assert.equal(told('web1', 'segment').at(-1)?.role, 'allowed', 'one of a segment at most');
  const [other, third] = ['rack-6', 'rack-7'].map((made) => registry.segments.ensure(made, 'test').id);
  registry.segments.place('web1', third ?? null, 'operator', 'test');
  report('web1', []);
  assert.deepEqual(
    [segments.get('rack-5').leader, segments.get('rack-7').leader?.node],
    [null, 'web1'],
    'it reports for its new segment before anybody said that something changed',
  );
  registry.segments.place('web1', other ?? null, 'operator', 'test');
  segments.changed();
  assert.equal(segments.get('rack-7').leader, null);
  assert.equal(segments.get('rack-5').leader, null, 'it leads its former segment no more');
  clock.advance(600);
  assert.deepEqual(
    [told('web1', 'segment').at(-1)?.name, told('web2', 'segment').at(-1)?.others],
    ['rack-6', 0],
  );
});

test('R5.2: a leader makes way for the one that an operator wants, once that one knows, and only if it is there', async () => {
  const { registry, segments, told, clock, connect } = await settledSegment('web3');
  registry.segments.setRole('web2', 'preassigned', 'test');
  segments.preferred('web2');
  assert.equal(told('web2', 'segment').at(-1)?.role, 'preassigned');
  assert.deepEqual(told('web1', 'segmentResign'), []);
  clock.advance(500);
  assert.deepEqual(told('web1', 'segmentResign'), [{ type: 'segmentResign' }]);
  for (const node of ['web1', 'web4']) {
    if (node === 'web4') {
      registry.nodes.join({ name: node, ...certificateOf(node) });
      registry.segments.place(node, registry.nodes.get('web1').segment, 'operator', 'test');
    }
    registry.segments.setRole(node, 'preassigned', 'test');
    segments.preferred(node);
    clock.advance(500);
  }
  assert.equal(told('web1', 'segmentResign').length, 1, 'it leads already; one that is away cannot');
  connect('web4');
  assert.equal(told('web1', 'segmentResign').length, 1, 'who comes back deposes nobody');
});

test('what could not be read to be told is told later', async () => {
  const { registry, segments, told, clock, idOf } = await settledSegment();
  const { list } = registry.nodes;
  registry.segments.rename(registry.segments.find(idOf('web1'))?.name ?? '', 'rack-5', 'test');
  registry.nodes.list = () => assert.fail('the database is away');
  segments.removed('nobody');
  clock.advance(600);
  assert.notEqual(told('web2', 'segment').at(-1)?.name, 'rack-5');
  registry.nodes.list = list;
  clock.advance(5_000);
  assert.equal(told('web2', 'segment').at(-1)?.name, 'rack-5');
});

test('N64: hundreds of nodes that come within seconds are told all of it in the end, each at most twice a second', async () => {
  const { connect, told, clock, registry, segments } = await segmentFixture();
  const { id } = registry.segments.ensure('hall', 'test');
  const nodes = Array.from({ length: 200 }, (_, index) => `n${index}`);
  for (const node of nodes) {
    connect(node);
    registry.segments.place(node, id, 'operator', 'test');
  }
  segments.changed();
  clock.advance(1_000);
  const before = nodes.map((node) => told(node, 'segment').length);
  for (const node of nodes) segments.disconnected(node);
  for (const node of nodes) {
    segments.connected(node, { profiles: ['segment-1'] });
    segments.welcomed(node);
    clock.advance(10);
  }
  clock.advance(1_000);
  for (const [index, node] of nodes.entries()) {
    assert.equal(told(node, 'segment').at(-1)?.others, 199);
    assert.ok(told(node, 'segment').length - (before[index] ?? 0) <= 8, 'twice a second for four seconds');
  }
});
