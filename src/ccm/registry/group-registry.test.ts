import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from './testing/has-code.ts';
import { certificateOf, temporaryRegistry } from './testing/temporary-registry.ts';

async function fleet() {
  const temporary = await temporaryRegistry();
  const { registry } = temporary;
  const join = (name: string, labels: Record<string, string>) =>
    registry.nodes.join({ name, labels, ...certificateOf(name) });
  join('a', { place: 'oslo', role: 'web' });
  join('b', { place: 'oslo' });
  join('c', { place: 'rome', role: 'web' });
  return temporary;
}

test('the group `all` holds every node, also one that joins later, and cannot be changed or removed', async () => {
  const { registry } = await fleet();
  assert.deepEqual(registry.groups.membersOf('all'), ['a', 'b', 'c']);
  registry.nodes.join({ name: 'd', ...certificateOf('d') });
  assert.deepEqual(registry.groups.membersOf('all'), ['a', 'b', 'c', 'd']);
  assert.throws(() => registry.groups.update('all', { selector: null }, 'ann'), hasCode('CONFLICT'));
  assert.throws(() => registry.groups.remove('all', 'ann'), hasCode('CONFLICT'));
});

test('members are the nodes that are named and those that have every label of the selector', async () => {
  const { registry, kinds } = await fleet();
  const { groups } = registry;
  groups.create({ name: 'named', nodes: ['c', 'a', 'a'] }, 'ann');
  groups.create({ name: 'oslo-web', selector: { place: 'oslo', role: 'web' } }, 'ann');
  groups.create({ name: 'both', nodes: ['c'], selector: { place: 'oslo' } }, 'ann');
  groups.create({ name: 'none' }, 'ann');
  assert.deepEqual(groups.get('named'), {
    name: 'named',
    nodes: ['a', 'c'],
    selector: null,
    order: [],
  });
  assert.deepEqual(groups.membersOf('named'), ['a', 'c']);
  assert.deepEqual(groups.membersOf('oslo-web'), ['a']);
  assert.deepEqual(groups.membersOf('both'), ['a', 'b', 'c']);
  assert.deepEqual(groups.membersOf('none'), []);
  groups.update('both', { selector: null }, 'ann');
  assert.deepEqual(groups.membersOf('both'), ['c']);
  assert.deepEqual(
    groups.list().map((group) => group.name),
    ['all', 'both', 'named', 'none', 'oslo-web'],
  );
  assert.equal(kinds().filter((kind) => kind === 'group.added').length, 4);
});

test("an operator's labels win over the agent's; a removed node is in no group", async () => {
  const { registry } = await fleet();
  registry.groups.create({ name: 'rome', selector: { place: 'rome' }, nodes: ['a'] }, 'ann');
  registry.nodes.setLabels('b', { place: 'rome' }, 'ann');
  assert.deepEqual(registry.groups.membersOf('rome'), ['a', 'b', 'c']);
  const sighting = { url: null, agentVersion: '1', freeBytes: 1 };
  assert.equal(registry.nodes.seen('b', { ...sighting, labels: { place: 'oslo' } }), false);
  assert.equal(registry.nodes.seen('c', { ...sighting, labels: { place: 'oslo' } }), true);
  assert.deepEqual(registry.groups.membersOf('rome'), ['a', 'b']);
  registry.nodes.remove('a', 'ann');
  assert.deepEqual(registry.groups.membersOf('rome'), ['b']);
  registry.nodes.join({ name: 'a', ...certificateOf('a2') });
  assert.deepEqual(registry.groups.membersOf('rome'), ['b'], 'a new node of that name was not put in');
});

test("a node's sites are those of its groups", async () => {
  const { registry } = await fleet();
  registry.groups.create({ name: 'rome', selector: { place: 'rome' } }, 'ann');
  registry.sites.create({ name: 'everywhere' }, 'ann');
  registry.sites.create({ name: 'roman', group: 'rome' }, 'ann');
  assert.deepEqual(registry.groups.sitesOf('c'), ['everywhere', 'roman']);
  assert.deepEqual(registry.groups.sitesOf('a'), ['everywhere']);
});

test('a group is refused with a code, and nothing of it stays', async () => {
  const { registry } = await fleet();
  const { groups } = registry;
  groups.create({ name: 'web', nodes: ['a'] }, 'ann');
  assert.throws(() => groups.create({ name: 'web' }, 'ann'), hasCode('ALREADY_EXISTS'));
  assert.throws(() => groups.create({ name: 'x', nodes: ['a', 'gone'] }, 'ann'), hasCode('NOT_FOUND'));
  assert.throws(() => groups.get('x'), hasCode('NOT_FOUND'));
  assert.throws(() => groups.update('web', { nodes: ['gone'] }, 'ann'), hasCode('NOT_FOUND'));
  assert.deepEqual(groups.membersOf('web'), ['a']);
  assert.throws(() => groups.create({ name: '../x' }, 'ann'), hasCode('INVALID_INPUT'));
  assert.throws(
    () => groups.create({ name: 'x', selector: { 'no spaces': 'x' } }, 'ann'),
    hasCode('INVALID_INPUT'),
  );
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`l${index}`, '']));
  assert.throws(() => groups.create({ name: 'x', selector: many }, 'ann'), hasCode('INVALID_INPUT'));
});

test('a group that a site uses stays, and says which', async () => {
  const { registry } = await fleet();
  registry.groups.create({ name: 'web' }, 'ann');
  registry.sites.create({ name: 'docs', group: 'web' }, 'ann');
  assert.throws(
    () => registry.groups.remove('web', 'ann'),
    (error) => {
      assert.match(String(error), /docs/);
      return hasCode('CONFLICT')(error);
    },
  );
  registry.sites.update('docs', { group: 'all' }, 'ann');
  registry.groups.remove('web', 'ann');
  assert.throws(() => registry.groups.get('web'), hasCode('NOT_FOUND'));
});

test('R6.1: the order of a group names segments and nodes that are there, each once; of `all` too, and it can be cleared', async () => {
  const { registry, kinds } = await fleet();
  const { groups } = registry;
  registry.segments.ensure('hall-1', 'ann');
  groups.create({ name: 'web', nodes: ['a'] }, 'ann');
  assert.deepEqual(groups.setOrder('web', ['hall-1', 'b'], 'ann').order, ['hall-1', 'b']);
  assert.throws(() => groups.setOrder('web', ['hall-2'], 'ann'), hasCode('NOT_FOUND'));
  assert.throws(() => groups.setOrder('web', ['b', 'b'], 'ann'), hasCode('INVALID_INPUT'));
  assert.throws(() => groups.setOrder('none', [], 'ann'), hasCode('NOT_FOUND'));
  groups.update('web', { nodes: ['c'] }, 'ann');
  assert.deepEqual(groups.get('web').order, ['hall-1', 'b'], 'another change leaves it');
  assert.deepEqual(groups.setOrder('all', ['b'], 'ann').order, ['b']);
  assert.deepEqual(groups.setOrder('all', [], 'ann').order, []);
  assert.equal(kinds().filter((kind) => kind === 'group.orderSet').length, 3);
});
