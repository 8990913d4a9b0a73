import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ListedMember } from '../../model/segment.ts';
import { createListView, type ListPart } from './list-view.ts';
import { registrationRules } from './registration-rules.ts';
import { splitList } from './testing/split-list.ts';

const member = (node: string, nonce = 1): ListedMember => ({
  ...{ node, address: '10.0.0.1', port: 7411, nonce, online: true },
});
const part = (list: number, index: number, parts: number, members: ListedMember[]): ListPart => ({
  ...{ type: 'member-list', term: 1, list, part: index, parts, members },
});
const createView = () => createListView('n1', registrationRules);
const names = (view: ReturnType<typeof createView>) =>
  view
    .members()
    .map(({ node }) => node)
    .join(' ');

test('REG-9: parts in any order, any of them twice, give the list that was sent', () => {
  const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 60 });
  const picks = fc.infiniteStream(fc.nat());
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 20 }), picks, (nodes, partMembersMax, random) => {
      const listed = nodes.sort().map((node) => member(node));
      const parts = splitList(part(7, 0, 1, listed), partMembersMax);
      const view = createView();
      for (const waiting = [...parts, ...parts]; waiting.length > 0; ) {
        const [next] = waiting.splice((random.next().value ?? 0) % waiting.length, 1);
        if (next?.type === 'member-list') view.take(next);
      }
      assert.equal(view.whole(), 7);
      assert.deepEqual(view.members(), listed);
    }),
  );
});

test('REG-9: an older list is dropped, also its missing part; until the newer one is whole both are known', () => {
  const view = createView();
  assert.equal(view.take(part(1, 0, 2, [member('a')])), 'part');
  assert.equal(view.take(part(1, 1, 2, [member('b')])), 'whole');
  assert.equal(view.take(part(3, 1, 2, [member('c')])), 'part');
  assert.equal(names(view), 'a b c');
  assert.equal(view.whole(), 1);
  assert.equal(view.take(part(2, 0, 1, [member('x')])), 'dropped');
  assert.equal(view.take(part(3, 0, 2, [member('b')])), 'whole');
  assert.equal(names(view), 'b c');
  view.begin();
  assert.equal(names(view), 'b c');
  assert.equal(view.take(part(1, 0, 1, [member('a')])), 'whole', 'another leader counts anew');
});

test('REG-9: parts that contradict each other, or are no parts, are dropped', () => {
  const view = createView();
  assert.equal(view.take(part(1, 2, 2, [])), 'dropped');
  assert.equal(view.take(part(1, -1, 2, [])), 'dropped');
  assert.equal(view.take(part(0, 0, 1, [])), 'dropped');
  assert.equal(view.take(part(1, 0, 1e9, [])), 'dropped');
  assert.equal(view.take(part(1, 0, 2, [member('a')])), 'part');
  assert.equal(view.take(part(1, 1, 3, [member('b')])), 'dropped');
  assert.equal(view.whole(), 0);
});

test('REG-15: who left is forgotten, but nobody makes a node forget itself', () => {
  const view = createView();
  view.take(part(1, 0, 1, [member('n1'), member('n2')]));
  view.drop('n1');
  view.drop('n2');
  assert.equal(names(view), 'n1');
});

test('REG-10, REG-15: after a `leave` the list is not whole until the leader has said it again, with or without that node', () => {
  const view = createView();
  const list = part(3, 0, 1, [member('n1'), member('n2')]);
  view.take(list);
  view.drop('stranger');
  assert.equal(view.whole(), 3);
  view.drop('n2');
  assert.equal(view.whole(), 0);
  assert.equal(view.take(list), 'whole');
  assert.equal(view.whole(), 3);
  assert.equal(names(view), 'n1 n2');
});
