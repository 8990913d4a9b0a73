// Leaders that say whatever they like, in any order, while others come and go: nobody is handed out to who has no part in it, each hand-out is whole, and no
// word makes the CCM say much.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SourceTrouble, TreeState } from '../../model/tree-messages.ts';
import { signedHandOutSchema } from '../../net/relay/tree-schemas.ts';
import { blocks, release, type TreeFixture, treeFixture, work } from './testing/tree-fixture.ts';

const names = ['l0', 'l1', 'l2', 'l3', 'l4', 'l5'];
const name = fc.constantFrom(...names, 'nobody');
const number = fc.oneof(fc.constant(undefined), fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER));
const held = fc.oneof(fc.nat({ max: blocks }), fc.constant(blocks + 1), fc.constant(Number.MAX_SAFE_INTEGER));
const source = fc.oneof(name, fc.constant(null));
const figures = fc.array(
  fc.record({ node: source, bytes: fc.nat(), ms: fc.nat(), delayMs: fc.oneof(fc.constant(null), fc.nat()) }),
  { maxLength: 3 },
);
const states: TreeState[] = ['waiting', 'fetching', 'held', 'failed'];
const troubles: SourceTrouble[] = ['unreachable', 'lacks', 'corrupt', 'slow', 'refused', 'none'];

const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lead' as const), node: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), node: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), node: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expect' as const), node: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 40_000 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant('state' as const), node: name, state: fc.constantFrom(...states) },
      ...{ number, heldBlocks: held, figures },
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant('next' as const), node: name, heldBlocks: held, room: fc.nat({ max: 64 }) },
      unreached: fc.array(fc.record({ node: name, trouble: fc.constantFrom('unreachable', 'refused') }), {
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant('lost' as const), node: name, trouble: fc.constantFrom(...troubles) },
      ...{ number, source, heldBlocks: held },
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function carryOut(fixture: TreeFixture, part: Step): void {
  switch (part.do) {
    case 'lead':
      fixture.lead(part.node, { segment: part.node.padStart(32, '0').replace('l', '0') });
      return;
    case 'lose':
      fixture.lose(part.node);
      return;
    case 'leave':
      fixture.trees.leave('shop', release, [part.node]);
      return;
    case 'expect':
      fixture.trees.expect(work, [part.node]);
      return;
    case 'wait':
      fixture.clock.advance(part.ms);
      return;
    case 'state': {
      const { node, number: named, ...more } = part;
      fixture.state(node, { ...more, ...(named === undefined ? {} : { number: named }) });
      return;
    }
    case 'next': {
      const { node, ...more } = part;
      fixture.next(node, more);
      return;
    }
    case 'lost': {
      const { node, number: named, ...more } = part;
      fixture.lost(node, { ...more, ...(named === undefined ? {} : { number: named }) });
    }
  }
}

test('TREE-93 TREE-97 N19: whatever leaders say, hand-outs are whole, for those who take part, and never from oneself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const fixture = await treeFixture();
      const part = new Set<string>();
      for (const node of names.slice(0, 4))
        fixture.lead(node, { segment: node.padStart(32, '0').replace('l', '0') });
      for (const each of [
        { do: 'expect', node: 'l0' } as Step,
        { do: 'expect', node: 'l1' } as Step,
        ...steps,
      ]) {
        if (each.do === 'expect') part.add(each.node);
        const from = fixture.sent.length;
        carryOut(fixture, each);
        const sent = fixture.sent.slice(from);
        if (each.do !== 'wait')
          assert.ok(sent.length <= 40, `${sent.length} words for ${JSON.stringify(each)}`);
        for (const { node, message } of sent) {
          if (message.type === 'treeEnd' || message.type === 'treeExpect') continue;
          const handOuts =
            message.type === 'handOut' ? [message.handOut] : message.next.map((next) => next.handOut);
          if (message.type === 'handOut') assert.equal(message.handOut.node, node);
          for (const handOut of handOuts) {
            signedHandOutSchema.parse(handOut);
            assert.ok(part.has(handOut.node), `${handOut.node} has no part in it`);
            for (const given of handOut.sources) {
              assert.notEqual(given.node, handOut.node);
              assert.ok(given.node === null || part.has(given.node), 'nobody is asked who has no part in it');
            }
          }
        }
      }
    }),
    { numRuns: 60, seed: 20261128 },
  );
});
