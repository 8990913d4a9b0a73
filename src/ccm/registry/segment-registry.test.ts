// Segments and what nodes are in them, as rows: names, places, roles, tokens; what is refused, and what a removed node keeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultControlChannel } from '../../model/segment.ts';
import { freeSegmentName } from './segment-name.ts';
import { hasCode } from './testing/has-code.ts';
import { certificateOf, temporaryRegistry } from './testing/temporary-registry.ts';

async function fleet() {
  const temporary = await temporaryRegistry();
  for (const name of ['a', 'b', 'c']) temporary.registry.nodes.join({ name, ...certificateOf(name) });
  return temporary;
}

test('segments are made, named, renamed and removed; names are unique, and one with nodes stays', async () => {
  const { registry, kinds } = await fleet();
  const { segments } = registry;
  const made = segments.make('a');
  assert.deepEqual([made.channel, made.leader, made.report], [defaultControlChannel, null, null]);
  const rack = segments.ensure('rack-5', 'ann');
  assert.deepEqual(segments.ensure('rack-5', 'ann'), rack, 'the same one again');
  assert.throws(() => segments.ensure('Rack 5', 'ann'), hasCode('INVALID_INPUT'));
  assert.throws(() => segments.rename(made.name, 'rack-5', 'ann'), hasCode('ALREADY_EXISTS'));
  assert.equal(segments.rename('rack-5', 'row-1', 'ann').id, rack.id);
  assert.throws(() => segments.get('rack-5'), hasCode('NOT_FOUND'));
  segments.place('a', rack.id, 'operator', 'ann');
  assert.throws(() => segments.remove('row-1', 'ann'), hasCode('CONFLICT'));
  registry.nodes.remove('a', 'ann');
  segments.remove('row-1', 'ann');
  assert.deepEqual(
    segments.list().map(({ name }) => name),
    [made.name],
  );
  assert.deepEqual(
    kinds().filter((kind) => kind.startsWith('segment.')),
    ['segment.made', 'segment.made', 'segment.renamed', 'segment.removed'],
  );
});

test('SEG-6: one of a segment is preassigned, and no more when it moves; the same again is no event', async () => {
  const { registry, kinds } = await fleet();
  const { segments, nodes } = registry;
  const [one, two] = [segments.ensure('one', 'ann').id, segments.ensure('two', 'ann').id];
  assert.equal(segments.place('a', one, 'heard', 'a'), true);
  assert.equal(segments.place('a', one, 'heard', 'a'), false);
  segments.place('b', one, 'heard', 'b');
  segments.place('c', two, 'heard', 'c');
  for (const node of ['c', 'a', 'b']) segments.setRole(node, 'preassigned', 'ann');
  const roles = () => nodes.list().map(({ leadRole }) => leadRole);
  assert.deepEqual(roles(), ['allowed', 'preassigned', 'preassigned']);
  segments.place('b', two, 'operator', 'ann');
  assert.deepEqual(roles(), ['allowed', 'allowed', 'preassigned']);
  segments.setRole('a', 'never', 'ann');
  segments.place('a', null, 'operator', 'ann');
  assert.deepEqual([nodes.get('a').leadRole, nodes.get('a').segmentBy], ['never', null]);
  segments.setFactor('a', 2.5, 'ann');
  segments.setFactor('a', 2.5, 'ann');
  assert.equal(nodes.get('a').leadFactor, 2.5);
  assert.equal(kinds().filter((kind) => kind === 'node.leadFactorSet').length, 1);
});

test('SEG-5: a join token places who joins with it, once, also when its segment was renamed or is gone', async () => {
  const { registry } = await fleet();
  const { segments, joinTokens } = registry;
  const [kept, gone] = [segments.ensure('kept', 'ann'), segments.ensure('gone', 'ann')];
  const secrets = [kept, gone].map(({ id }) => joinTokens.create('ann', 60_000, id).secret);
  segments.rename('kept', 'other', 'ann');
  segments.remove('gone', 'ann');
  for (const [index, secret] of secrets.entries())
    registry.joinNode(secret, { name: `n${index}`, ...certificateOf(`n${index}`) });
  assert.deepEqual(
    ['n0', 'n1'].map((name) => [registry.nodes.get(name).segment, registry.nodes.get(name).segmentBy]),
    [
      [kept.id, 'token'],
      [null, null],
    ],
  );
});

test('KEYS-7: the list of revoked certificates has all those of removed nodes, also renewed and expired ones', async () => {
  const { registry, clock } = await fleet();
  const fingerprints = () => registry.certificates.revoked(10).fingerprints;
  assert.deepEqual(registry.certificates.revoked(10), { number: 0, fingerprints: [] });
  const of = (name: string) => certificateOf(name).certificate;
  registry.certificates.renewed('b', of('b'), { ...of('b'), fingerprint: 'f'.repeat(64), serial: 'f' });
  // In use, it ends the one before.
  assert.equal(
    registry.certificates.use('b', { ...of('b'), fingerprint: 'f'.repeat(64), serial: 'f' }),
    'good',
  );
  registry.nodes.remove('a', 'ann');
  const first = registry.certificates.revoked(10).number;
  assert.deepEqual(fingerprints(), [of('a').fingerprint]);
  clock.now += 1_000;
  registry.nodes.remove('b', 'ann');
  assert.deepEqual(fingerprints(), [of('a').fingerprint, of('b').fingerprint, 'f'.repeat(64)]);
  assert.ok(registry.certificates.revoked(10).number > first);
  assert.equal(registry.certificates.revoked(1).fingerprints.length, 1);
  // The control channel looks at no date.
  clock.now += 366 * 86_400_000;
  assert.equal(fingerprints().length, 3);
});

test('R5.5 SEG-8: a node is new until it is in a group, or a site is given to all', async () => {
  const { registry } = await fleet();
  assert.deepEqual([...registry.groups.newNodes()], ['a', 'b', 'c']);
  registry.groups.create({ name: 'web', nodes: ['a'] }, 'ann');
  registry.groups.create({ name: 'row', selector: { row: '1' } }, 'ann');
  registry.nodes.setLabels('b', { row: '1' }, 'ann');
  assert.deepEqual([...registry.groups.newNodes()], ['c']);
  registry.sites.create({ name: 'docs' }, 'ann');
  assert.deepEqual([...registry.groups.newNodes()], []);
});

test('a made-up name is a free one, however many are taken', () => {
  const taken = new Set<string>();
  let turn = 0;
  const random = (below: number): number => turn++ % Math.min(below, 2);
  for (let count = 0; count < 50; count += 1) {
    const name = freeSegmentName((candidate) => !taken.has(candidate), random);
    assert.match(name, /^[a-z]+-[a-z]+(?:-\d+)?$/);
    assert.ok(!taken.has(name));
    taken.add(name);
  }
});
