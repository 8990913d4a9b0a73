// A whole CCM and nodes that speak of their segment over real links: what they are told, whom the CCM accepts, and what it cuts off.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unassignedSegment } from '../../src/model/segment.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { segmentCcm } from './segment-ccm.ts';

test('LINK-42 SEG-1 SEG-2: nodes are told after the welcome, a leader gets its verdict, and the next one follows when its link closes', async (t) => {
  const { client, connect } = await segmentCcm(t);
  const [web1, web2] = [await connect('web1'), await connect('web2')];
  assert.deepEqual(
    web1.received.slice(0, 3).map(({ type }) => type),
    ['welcome', 'revocations', 'segment'],
  );
  web2.state({ leader: 'web1' });
  web1.report(['web2']);
  const { assigned, accepted } = await web1.until('segmentVerdict');
  assert.ok(assigned !== null && accepted?.leader === 'web1');
  await web2.until('segment', ({ id, others }) => id === assigned && others === 1);
  await web1.until('segment', ({ peers }) => peers.length === 1 && peers[0]?.node === 'web2');
  web2.report(['web1'], { term: 9 });
  const refused = await web2.until('segmentVerdict');
  assert.deepEqual([refused.accepted?.leader, refused.term, refused.assigned], ['web1', 9, null]);
  web1.socket.terminate();
  await web2.until('segmentVerdict', (verdict) => verdict.accepted?.leader === 'web2');
  const [segment] = await client.segments.list();
  assert.deepEqual([segment?.leader?.node, segment?.leader?.term], ['web2', 9]);
  const node = await client.nodes.get('web2');
  assert.deepEqual(
    [node.segment, node.election?.state, node.election?.priorityTerms],
    [segment?.name, 'known', { cpu: 0.25, factor: 1 }],
  );
  const back = await connect('web1', false);
  back.report(['web2'], { term: 3 });
  assert.equal((await back.until('segmentVerdict')).accepted?.leader, 'web2');
});

test('SEG-2: an accepted leader that answers no ping any more is gone, though its connection is open', async (t) => {
  const { client, connect } = await segmentCcm(t);
  const [web1, web2] = [await connect('web1'), await connect('web2')];
  web2.state({ leader: 'web1' });
  web1.report(['web2']);
  await web2.until('segment', ({ id }) => id !== unassignedSegment);
  web1.socket.pause();
  web2.report([], { term: 2 });
  await web2.until('segmentVerdict', ({ accepted }) => accepted?.leader === 'web1');
  await web2.until('segmentVerdict', ({ accepted }) => accepted?.leader === 'web2');
  const kinds = (await client.events.list({ limit: 1_000 })).map(({ kind, node }) => `${kind} ${node}`);
  assert.deepEqual(kinds.filter((line) => line.includes('segment.leader')).slice(-3), [
    'segment.leaderRefused web2',
    'segment.leaderGone web1',
    'segment.leaderAccepted web2',
  ]);
});

test('LINK-43 N18: a node that reports in another’s name, or says what has no form, is cut off; the others notice nothing', async (t) => {
  const { client, connect } = await segmentCcm(t);
  const web1 = await connect('web1');
  web1.report([]);
  await web1.until('segmentVerdict');
  const liar = await connect('liar');
  liar.report([], { leader: 'web1' });
  assert.equal(await liar.closed, 4400);
  const garbled = await connect('liar', false);
  garbled.report([], { members: [], extra: true } as object);
  assert.equal(await garbled.closed, 4400);
  const strange = await connect('liar', false);
  const { segment } = await client.nodes.get('web1');
  await client.nodes.update('liar', { segment });
  await strange.until('segment', ({ name }) => name === segment);
  const count = () => strange.received.filter(({ type }) => type === 'segment').length;
  const before = count();
  strange.report([], { segment: 'f'.repeat(32) });
  await until('it is told again where it belongs', () => count() === before + 1);
  const segments = await client.segments.list();
  assert.equal(segments.length, 1);
  assert.deepEqual([segments[0]?.leader?.node, segments[0]?.refused], ['web1', []]);
});
