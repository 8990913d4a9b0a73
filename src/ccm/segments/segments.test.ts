// What the CCM makes of what nodes say of their segments: whom it accepts, where nodes belong, what it tells, what it writes down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unassignedSegment } from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { segmentFixture, stateWord } from './testing/segment-fixture.ts';

/** `web1` leads, `web2` follows, both in a segment that `web1` was the first of. */
async function settled(...more: string[]) {
  const fixture = await segmentFixture();
  const others = ['web2', ...more];
  fixture.connect('web1', ...others);
  for (const node of others) fixture.say(node, { leader: 'web1' });
  fixture.report('web1', others);
  fixture.clock.advance(600);
  return fixture;
}

test('SEG-4 LINK-44: the first report of nodes without a segment makes one for all who follow, and all are told', async () => {
  const { told, idOf, events, segments, clock } = await settled();
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
  const { report, told, events, segments } = await settled('web3');
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
  const lines = ['leaderRefused web2', 'leaderGone web1', 'leaderAccepted web2', 'memberLeft web1'];
  assert.deepEqual(events().slice(-4), lines);
  assert.deepEqual(segments.list()[0]?.leader?.node, 'web2');
});

test('SEG-2: a leader that says it leads no more gives way; a word from before its term does not count', async () => {
  const { report, say, segments, events } = await settled();
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
  const { report, say, segments, idOf } = await settled();
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
  const { clock, connect, report, restarted, registry, told } = await settled();
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
  const { report, connect, segments, registry, told, idOf, events } = await settled();
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

test('LINK-42: who was told of no segment says nothing of one', async () => {
  const { registry, segments, say, connect } = await segmentFixture();
  connect('web1');
  segments.connected('web1', { profiles: ['linux-web-1'] });
  segments.welcomed('web1');
  assert.throws(() => say('web1'), hasCode('MESSAGE_INVALID'));
  assert.deepEqual(registry.segments.list(), []);
});

test('LINK-43 N64: of a flood of reports four a second are taken, the newest of each quarter', async () => {
  const { registry, segments, told, idOf, clock } = await settled();
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

test('SEG-5: a node joins where its leader lists it and it says so itself, or where it hears a segment', async () => {
  const { connect, say, report, idOf, registry } = await settled();
  connect('web3', 'web4', 'web5');
  report('web1', ['web2', 'web3']);
  assert.equal(registry.nodes.get('web3').segment, null, 'listed, but it did not say so');
  say('web3', { leader: 'web1', segment: idOf('web1') });
  assert.equal(idOf('web3'), idOf('web1'), 'now it has');
  say('web4', { state: 'unknown', heard: ['e'.repeat(32), idOf('web1')] });
  assert.equal(idOf('web4'), idOf('web1'));
  say('web5', { state: 'leading', leader: 'web5', heard: [idOf('web1')] });
  report('web5', []);
  assert.equal(idOf('web5'), idOf('web1'), 'a leader without a segment too');
});

test('SEG-4: nodes that remember a segment which the CCM has lost have it again, under its id', async () => {
  const { connect, report, say, idOf, told, registry } = await segmentFixture();
  const lost = 'd'.repeat(32);
  connect('web1', 'web2');
  say('web2', { leader: 'web1', segment: lost });
  report('web1', ['web2'], { segment: lost });
  assert.deepEqual([idOf('web1'), idOf('web2')], [lost, lost]);
  assert.deepEqual(told('web1', 'segmentVerdict').at(-1)?.accepted?.leader, 'web1');
  registry.segments.place('web2', null, 'operator', 'test');
  say('web2', { leader: 'web1', segment: lost });
  report('web1', ['web2']);
  assert.equal(idOf('web2'), lost, 'taken out, it finds it by itself');
});

test('SEG-5: a token’s segment is where a node belongs, before anybody heard it', async () => {
  const { registry, connect, told } = await segmentFixture();
  const { id } = registry.segments.ensure('rack-5', 'test');
  const { secret } = registry.joinTokens.create('test', undefined, id);
  registry.joinNode(secret, { name: 'web1', ...certificateOf('web1') });
  connect('web1');
  assert.deepEqual([told('web1', 'segment')[0]?.id, told('web1', 'segment')[0]?.name], [id, 'rack-5']);
  assert.equal(registry.nodes.get('web1').segmentBy, 'token');
});

test('SEG-6: a node that hears another segment and none of its own for ten seconds belongs there; operators’ words stay', async () => {
  const { connect, say, report, idOf, registry, clock, events } = await settled('web3', 'web4', 'web5');
  connect('far1');
  report('far1', []);
  const far = idOf('far1');
  assert.notEqual(far, idOf('web1'));
  registry.segments.place('web4', idOf('web4'), 'operator', 'test');
  for (const node of ['web3', 'web4', 'web5']) say(node, { state: 'unknown', heard: [far] });
  clock.advance(5_000);
  say('web5', { leader: 'web1', heard: [far] });
  clock.advance(6_000);
  assert.equal(idOf('web3'), far);
  assert.equal(idOf('web4'), idOf('web1'), 'an operator placed it');
  assert.equal(idOf('web5'), idOf('web1'), 'it found its leader again');
  assert.equal(events().at(-1), 'node.placed web3');
});

test('SEG-6: of two that are alone and hear each other the younger one moves, and only it', async () => {
  const { connect, say, report, idOf, clock, segments } = await segmentFixture();
  connect('web1');
  report('web1', []);
  clock.advance(1_000);
  connect('web2');
  report('web2', []);
  const [older, younger] = [idOf('web1'), idOf('web2')];
  assert.notEqual(older, younger);
  say('web1', { state: 'leading', leader: 'web1', heard: [younger] });
  say('web2', { state: 'leading', leader: 'web2', heard: [older] });
  clock.advance(20_000);
  assert.deepEqual([idOf('web1'), idOf('web2')], [older, older]);
  assert.equal(segments.list().find(({ id }) => id === younger)?.leader, null);
});

test('SEG-6: a leader that somebody follows stays, though it hears an older segment and is refused in its own', async () => {
  const { connect, say, report, idOf, clock } = await settled('web3', 'web4');
  connect('far1');
  report('far1', []);
  report('web3', ['web4'], { term: 9 });
  say('web3', { state: 'leading', term: 9, leader: 'web3', heard: [idOf('far1')] });
  clock.advance(20_000);
  assert.equal(idOf('web3'), idOf('web1'));
  report('web3', ['-web4'], { term: 9 });
  say('web3', { state: 'leading', term: 9, leader: 'web3', heard: [idOf('far1')], aliveAgoMs: 0 });
  clock.advance(20_000);
  assert.equal(idOf('web3'), idOf('far1'), 'alone it goes');
});

test('SEG-7: members that come, fall silent, return and go are in the log; what only counts up is not written', async () => {
  const { report, events, registry, idOf } = await settled();
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
  const { connect, report, say, events, registry } = await settled();
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

test('KEYS-7 SEG-2: a removed node leads nothing, its certificate is told to all, and its name begins anew', async () => {
  const { registry, segments, told, idOf } = await settled();
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
  const { registry, segments, told, clock, idOf, report } = await settled();
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
  const { registry, segments, told, clock, connect } = await settled('web3');
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

test('while nothing can be written nobody is accepted, and nothing breaks', async () => {
  const { health, report, segments, events } = await settled();
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
  const { segments, report, told, clock } = await settled();
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
