// Whom the CCM accepts: one at a time, the first, until it is gone; whatever is claimed in whatever order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as check, constantFrom, nat, oneof, property, record } from 'fast-check';
import { createAcceptance } from './acceptance.ts';

test('SEG-1: the first is accepted, and stays it against any term; who is refused hears who is accepted', () => {
  const acceptance = createAcceptance();
  const web1 = { leader: 'web1', term: 3 };
  assert.deepEqual(acceptance.claimed(web1), { to: 'web1', term: 3, accepted: web1 });
  assert.deepEqual(acceptance.claimed({ leader: 'web2', term: 9 }), { to: 'web2', term: 9, accepted: web1 });
  assert.deepEqual(acceptance.refused(), [{ leader: 'web2', term: 9 }]);
  const later = { leader: 'web1', term: 4 };
  assert.deepEqual(acceptance.claimed(later), { to: 'web1', term: 4, accepted: later }, 'a term of its own');
});

test('SEG-2: when the accepted one is gone, the best of those refused is accepted at once, and all of them hear it', () => {
  const acceptance = createAcceptance();
  acceptance.claimed({ leader: 'web1', term: 3 });
  for (const leader of ['web4', 'web3', 'web2'])
    acceptance.claimed({ leader, term: leader === 'web4' ? 4 : 5 });
  const accepted = { leader: 'web2', term: 5 };
  assert.deepEqual(acceptance.gone('web1'), [
    { to: 'web4', term: 4, accepted },
    { to: 'web3', term: 5, accepted },
    { to: 'web2', term: 5, accepted },
  ]);
  assert.deepEqual(
    acceptance.refused().map(({ leader }) => leader),
    ['web4', 'web3'],
  );
  assert.deepEqual(acceptance.gone('web3'), [], 'one that was refused goes unnoticed');
  assert.equal(acceptance.gone('web2').length, 1);
  assert.deepEqual(acceptance.gone('web4'), []);
  assert.equal(acceptance.accepted, null);
  const again = { leader: 'web1', term: 1 };
  assert.deepEqual(acceptance.claimed(again).accepted, again, 'nobody leads: any term will do');
});

test('SEG-3: after a start of the CCM the one from before is waited for', () => {
  const former = { leader: 'web1', term: 3 };
  const acceptance = createAcceptance(former);
  assert.deepEqual(acceptance.claimed({ leader: 'web2', term: 4 }).accepted, former);
  assert.deepEqual(acceptance.gone('web1'), [{ to: 'web2', term: 4, accepted: { leader: 'web2', term: 4 } }]);
});

test('SEG-1 SEG-2: in every order of claims and losses there is one accepted leader, who claims, and no other while it is there', () => {
  const node = constantFrom('a', 'b', 'c', 'd');
  const step = oneof(record({ node, term: nat(5) }), record({ node }));
  check(
    property(array(step, { maxLength: 60 }), (steps) => {
      const acceptance = createAcceptance();
      const claiming = new Map<string, number>();
      for (const { node: name, ...more } of steps) {
        const before = acceptance.accepted;
        const term = 'term' in more ? more.term : undefined;
        if (term === undefined) {
          const verdicts = acceptance.gone(name);
          claiming.delete(name);
          assert.ok(verdicts.length === 0 || before?.leader === name);
        } else {
          claiming.set(name, term);
          acceptance.claimed({ leader: name, term });
        }
        const { accepted } = acceptance;
        assert.equal(accepted === null, claiming.size === 0);
        if (accepted !== null) assert.equal(claiming.get(accepted.leader), accepted.term);
        if (before !== null && claiming.has(before.leader)) assert.equal(accepted?.leader, before.leader);
        assert.equal(acceptance.refused().length, Math.max(0, claiming.size - 1));
      }
    }),
    { seed: 5_005, numRuns: 300 },
  );
});
