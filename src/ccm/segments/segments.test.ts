// What the CCM makes of what leaders report: whom it accepts, what it believes and writes down, and how operators ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unassignedSegment } from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { settledSegment, stateWord } from './testing/segment-fixture.ts';

test('SEG-4 LINK-44: the first report of nodes without a segment makes one for all who follow, and all are told', async () => {
  const { told, idOf, events, segments, clock } = await settledSegment();
  const id = idOf('web1');
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(idOf('web2'), id);
  assert.deepEqual(told('web1', 'segmentVerdict'), [
    {
      type: 'segmentVerdict',
      segment: unassignedSegment,
      term: 1,
      accepted: { leader: 'web1', term: 1 },
      assigned: id,
    },
  ]);
  const [first, last] = [told('web2', 'segment')[0], told('web2', 'segment').at(-1)];
  assert.deepEqual([first?.id, first?.name, first?.others, first?.peers], [unassignedSegment, null, 0, []]);
  assert.deepEqual(
    [last?.id, last?.others, last?.peers],
    [id, 1, [{ node: 'web1', address: '10.0.0.2', port: 9 }]],
  );
  assert.match(last?.name ?? '', /^[a-z]+-[a-z]+$/);
  const count = told('web2', 'segment').length;
  segments.changed();
  clock.advance(60_000);
  assert.equal(told('web2', 'segment').length, count, 'nothing changed, nothing is told');
  assert.deepEqual(events(), [
    'made',
    'node.placed web1',
    'node.placed web2',
    'leaderAccepted web1',
    'memberJoined web1',
    'memberJoined web2',
  ]);
  const [segment] = segments.list();
  assert.deepEqual(
    segment?.members.map(({ node, state, placedBy }) => [node, state, placedBy]),
    [
      ['web1', 'leader', 'new'],
      ['web2', 'online', 'heard'],
    ],
  );
});

test('SEG-1 SEG-2 X4: a second leader is refused whatever its term, and accepted the moment that the first one’s link closes', async () => {
  const { report, told, events, segments } = await settledSegment('web3');
  report('web2', ['web3'], { term: 7 });
  const accepted = { leader: 'web1', term: 1 };
  assert.deepEqual(told('web2', 'segmentVerdict').at(-1)?.accepted, accepted);
  const [split] = segments.list();
  assert.equal(split?.leader?.node, 'web1');
  assert.deepEqual(split.refused, [{ leader: 'web2', term: 7, members: ['web2', 'web3'] }]);
  report('web2', ['web3'], { term: 7 });
  assert.equal(told('web2', 'segmentVerdict').length, 1, 'the same answer is not given twice');
  segments.disconnected('web1');
  assert.deepEqual(told('web2', 'segmentVerdict').at(-1)?.accepted, { leader: 'web2', term: 7 });
  const lines = ['leaderRefused web2', 'leaderGone web1', 'leaderAccepted web2'];
  assert.deepEqual(events().slice(-3), lines, 'whom a new leader does not list has not left');
  assert.deepEqual(segments.list()[0]?.leader?.node, 'web2');
});

test('SEG-2: a leader that says it leads no more gives way; a word from before its term does not count', async () => {
  const { report, say, segments, events } = await settledSegment();
  report('web1', ['web2'], { term: 4 });
  report('web2', ['web1'], { term: 5 });
  say('web1', { state: 'known', term: 3, leader: 'web2' });
  say('web1', { state: 'votingOpen', term: 5 });
  assert.equal(segments.list()[0]?.leader?.node, 'web1', 'an incumbent keeps its work while votes are open');
  say('web1', { state: 'known', term: 5, leader: 'web2' });
  assert.equal(segments.list()[0]?.leader?.node, 'web2');
  const accepted = events().filter((line) => line.startsWith('leader'));
  assert.deepEqual(accepted.slice(-3), ['leaderRefused web2', 'leaderGone web1', 'leaderAccepted web2']);
});

test('SEG-2: a leader that went into its segment by itself, in a term of that one, leads no more what it led before', async () => {
  const { report, say, segments, idOf } = await settledSegment();
  report('web1', ['web2'], { segment: unassignedSegment, term: 4 });
  report('web2', ['web1'], { term: 2 });
  // The second one waits, since a word of each kind is taken at once only now and then; the report that came after it does not.
  segments.message('web1', stateWord({ segment: unassignedSegment, state: 'leading', term: 4 }));
  segments.message('web1', stateWord({ segment: unassignedSegment, state: 'unknown', term: 3 }));
  report('web1', ['web2'], { term: 4 });
  assert.equal(segments.list()[0]?.leader?.node, 'web1');
  report('web1', ['web2'], { segment: unassignedSegment, term: 4 });
  say('web1', { segment: idOf('web1'), state: 'known', term: 2, leader: 'web2' });
  assert.equal(segments.list()[0]?.leader?.node, 'web2');
});

test('SEG-3: after a start the accepted one is waited for, five seconds and no longer; nothing is forgotten', async () => {
  const { clock, connect, report, restarted, registry, told } = await settledSegment();
  const before = registry.segments.list();
  for (const waitedMs of [0, 5_000]) {
    const segments = restarted();
    assert.deepEqual(registry.segments.list(), before);
    assert.equal(segments.list()[0]?.leader?.node, 'web1');
    connect('web2');
    if (waitedMs === 0) {
      report('web2', [], { term: 9 });
      assert.equal(told('web2', 'segmentVerdict').at(-1)?.accepted?.leader, 'web1');
      connect('web1');
      report('web1', ['web2']);
      clock.advance(5_000);
      assert.equal(segments.list()[0]?.leader?.node, 'web1');
    } else {
      report('web2', [], { term: 9 });
      clock.advance(waitedMs);
      assert.equal(segments.list()[0]?.leader?.node, 'web2');
    }
  }
});

test('LINK-43 N18: a report in another’s name, of no own segment, or of strangers changes nothing', async () => {
  const { report, connect, segments, registry, told, idOf, events } = await settledSegment();
  connect('web8', 'web9');
  const before = events();
  assert.throws(() => report('web2', ['web1'], { leader: 'web1' }), hasCode('MESSAGE_INVALID'));
  assert.throws(() => report('web2', [], { members: [] }), hasCode('MESSAGE_INVALID'));
  const toldBefore = told('web2', 'segment').length;
  report('web2', [], { segment: 'f'.repeat(32) });
  assert.deepEqual(events(), before);
  assert.equal(told('web2', 'segment').length, toldBefore + 1, 'it is told again where it belongs');
  // A node that nobody knows, one that does not say that it follows, one of another segment.
  registry.segments.place('web9', registry.segments.make('test').id, 'operator', 'test');
  report('web1', ['web2', 'nobody', 'web8', 'web9']);
  const { members, report: shown } = segments.get(registry.segments.find(idOf('web1'))?.name ?? '');
  assert.deepEqual(
    members.map(({ node }) => node),
    ['web1', 'web2'],
  );
  assert.equal(shown?.ignoredMembers, 2);
  assert.equal(registry.nodes.get('web8').segment, null);
});

test('LINK-43 N64: of a flood of reports four a second are taken, the newest of each quarter', async () => {
  const { registry, segments, told, idOf, clock } = await settledSegment();
  const writes: number[] = [];
  registry.events.subscribe(
    ({ kind, data }) => kind === 'segment.leaderAccepted' && writes.push(Number(data['term'])),
  );
  const template = told('web1', 'segmentVerdict')[0];
  assert.ok(template);
  for (let term = 2; term <= 1_001; term += 1) {
    segments.message('web1', {
      type: 'segmentReport',
      segment: idOf('web1'),
      term,
      priority: 1,
      leader: 'web1',
      list: 1,
      triggers: ['timer'],
      members: [{ node: 'web1', online: true, address: '10.0.0.1', port: 1, capabilities: [], offer: null }],
      location: null,
      timeZone: 'UTC',
      freeBytes: 1,
      cpus: 1,
      connections: 1,
    });
    if (term % 500 === 0) clock.advance(250);
  }
  clock.advance(1_000);
  assert.deepEqual(writes, [2, 500, 1_000, 1_001]);
});

test('SEG-7: members that come, fall silent, return and go are in the log; what only counts up is not written', async () => {
  const { report, events, registry, idOf } = await settledSegment();
  const before = events().length;
  report('web1', ['-web2']);
  report('web1', ['web2']);
  report('web1', []);
  assert.deepEqual(events().slice(before), ['memberOffline web2', 'memberReturned web2', 'memberLeft web2']);
  const written = registry.segments.find(idOf('web1'))?.reportedAt;
  report('web1', [], { freeBytes: 7, connections: 9 });
  assert.equal(registry.segments.find(idOf('web1'))?.reportedAt, written);
  assert.equal(events().length, before + 3);
});

test('SEG-7: what happens to many nodes at once is one event', async () => {
  const { connect, report, say, events, registry } = await settledSegment();
  const many = Array.from({ length: 60 }, (_, index) => `n${index}`);
  connect(...many);
  for (const node of many) say(node, { leader: 'web1' });
  report('web1', ['web2', ...many]);
  report(
    'web1',
    ['web2', ...many].map((node) => `-${node}`),
  );
  assert.deepEqual(events().slice(-2), ['membersChanged', 'membersChanged']);
  const last = registry.events.page({ after: registry.events.newestId() - 1, limit: 1 })[0];
  assert.ok(last);
  const { count, nodes } = last.data['offline'] as { count: number; nodes: string[] };
  assert.deepEqual([count, nodes.length], [61, 20]);
});

test('while nothing can be written nobody is accepted, and nothing breaks', async () => {
  const { health, report, segments, events } = await settledSegment();
  segments.disconnected('web1');
  const before = events();
  health.waitsFor = new TreecastError('DATABASE_UNAVAILABLE', 'no');
  report('web2', [], { term: 8 });
  assert.deepEqual(events(), before);
  assert.equal(segments.list()[0]?.leader, null);
  health.waitsFor = undefined;
  report('web2', [], { term: 8 });
  assert.equal(segments.list()[0]?.leader?.node, 'web2');
});

test('R5.4: an operator’s question is answered by the leader’s next report that says so, or by a coded error', async () => {
  const { segments, report, told, clock } = await settledSegment();
  const name = segments.list()[0]?.name ?? '';
  const { signal } = new AbortController();
  const asked = segments.ask(name, signal);
  assert.deepEqual(told('web1', 'segmentAsked'), [{ type: 'segmentAsked', trigger: 'operator' }]);
  report('web1', ['web2']);
  report('web1', ['web2'], { triggers: ['operator'], location: 'row 5' });
  assert.equal((await asked).report?.location, 'row 5');
  const late = assert.rejects(segments.ask(name, signal), hasCode('DEFERRED'));
  clock.advance(5_000);
  await late;
  segments.disconnected('web1');
  await assert.rejects(segments.ask(name, signal), hasCode('CONFLICT'));
  await assert.rejects(segments.ask('none', signal), hasCode('NOT_FOUND'));
});

test('TREE-92: what a leader reported last is known at once, and its stored one after a start of the CCM; of others nothing', async () => {
  const fixture = await settledSegment();
  fixture.report('web1', ['web2'], { connections: 77 });
  assert.equal(fixture.segments.reportOf('web1')?.connections, 77);
  assert.equal(fixture.segments.reportOf('web2'), undefined);
  assert.equal(fixture.segments.reportOf('nobody'), undefined);
  const again = fixture.restarted();
  assert.equal(again.reportOf('web1')?.leader, 'web1');
  assert.equal(again.reportOf('web2'), undefined);
});
