// Where nodes belong: placed by a token, by what is heard, or by themselves when they went elsewhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { segmentFixture, settledSegment } from './testing/segment-fixture.ts';

test('SEG-5: a node joins where its leader lists it and it says so itself, or where it hears a segment', async () => {
  const { connect, say, report, idOf, registry } = await settledSegment();
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
  const { connect, say, report, idOf, registry, clock, events } = await settledSegment(
    'web3',
    'web4',
    'web5',
  );
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
  const { connect, say, report, idOf, clock } = await settledSegment('web3', 'web4');
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

test('SEG-6: two segments that hear each other are one: the weaker goes over as a whole, unless somebody wanted two', async () => {
  const { connect, say, report, idOf, clock, segments, registry, events } = await settledSegment();
  connect('b1', 'b2', 'c1');
  report('c1', []);
  clock.advance(1_000);
  say('b2', { leader: 'b1' });
  report('b1', ['b2']);
  const [older, younger, lone] = [idOf('web1'), idOf('b1'), idOf('c1')];
  assert.equal(new Set([older, younger, lone]).size, 3);
  const leads = (node: string, ...heard: string[]): void =>
    say(node, { state: 'leading', leader: node, heard });
  const all = (): void => {
    leads('web1', younger, lone);
    leads('b1', older, lone);
    leads('c1', younger);
  };
  registry.segments.place('b2', younger, 'operator', 'test');
  all();
  clock.advance(20_000);
  assert.deepEqual([idOf('web1'), idOf('b1'), idOf('b2')], [older, younger, younger], 'b2 was put there');
  assert.equal(idOf('c1'), younger, 'who leads nobody goes to where there is somebody, whatever the age');
  registry.segments.place('b2', null, 'operator', 'test');
  say('b2', { leader: 'b1', segment: younger });
  report('b1', ['b2']);
  all();
  clock.advance(20_000);
  assert.deepEqual([idOf('web1'), idOf('b1'), idOf('b2'), idOf('c1')], [older, older, older, older]);
  assert.equal(segments.list().find(({ id }) => id === younger)?.leader, null);
  assert.equal(events().filter((line) => line === 'leaderGone b1').length, 1);
});
