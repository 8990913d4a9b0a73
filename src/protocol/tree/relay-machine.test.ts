import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRelayMachine } from './relay-machine.ts';
import type { RelayEffect, RelayInput, RelayMachine, SourceChoice } from './tree-machines.ts';
import { treeTiming } from './tree-timing.ts';

const from = (node: string | null): SourceChoice => ({ part: 0, parts: 1, node });
const handOut = (number: number, node: string | null = 'p'): RelayInput => ({
  ...{ input: 'handOut', number, sources: [from(node)] },
});
const progress = (heldBlocks: number): RelayInput => ({ input: 'progress', heldBlocks, blocks: 10 });
const served = (node: string, isServed: boolean): RelayInput => ({ input: 'serving', node, isServed });

function say(machine: RelayMachine, at: number, ...inputs: RelayInput[]): RelayEffect[] {
  for (const input of inputs) machine.handle(at, input);
  return effectsOf(machine);
}

function wait(machine: RelayMachine, until: number): RelayEffect[] {
  const effects: RelayEffect[] = [];
  for (let at = machine.nextTimeout(); at !== undefined && at <= until; at = machine.nextTimeout()) {
    machine.onTimeout(at);
    effects.push(...effectsOf(machine));
  }
  return effects;
}

function effectsOf(machine: RelayMachine): RelayEffect[] {
  const effects: RelayEffect[] = [];
  for (let effect = machine.pollEffect(); effect; effect = machine.pollEffect()) effects.push(effect);
  return effects;
}

const names = (effects: readonly RelayEffect[]): string[] => effects.map(({ effect }) => effect);
const relay = (room = 2): RelayMachine => createRelayMachine({ node: 'me', room });
/** It fetches and has asked. */
function asking(room = 2): RelayMachine {
  const machine = relay(room);
  say(machine, 0, { input: 'expected' }, handOut(5), progress(1));
  return machine;
}

test('TREE-2: it fetches what it is told, asks for the next with the first blocks, notifies whom it is told, and says once that it holds all', () => {
  const machine = relay();
  assert.deepEqual(say(machine, 0, { input: 'expected' }), []);
  assert.deepEqual(say(machine, 1, handOut(5)), [{ effect: 'fetch', sources: [from('p')] }]);
  assert.deepEqual(say(machine, 2, progress(1)), [
    { effect: 'askNext', heldBlocks: 1, room: 2, unreached: [] },
  ]);
  assert.deepEqual(say(machine, 3, progress(2), progress(3)), []);
  assert.deepEqual(say(machine, 4, { input: 'answer', next: ['a', 'b'], more: 'none' }), [
    { effect: 'notify', node: 'a' },
    { effect: 'notify', node: 'b' },
  ]);
  const accepted = ['a', 'b'].map((node): RelayInput => ({ input: 'notified', node, outcome: 'accepted' }));
  assert.deepEqual(say(machine, 5, ...accepted, served('a', true), served('b', true)), []);
  assert.deepEqual(say(machine, 6, progress(10), progress(10)), [
    { effect: 'sayState', state: 'held', number: 5, heldBlocks: 10 },
  ]);
  assert.equal(machine.state, 'held');
  assert.deepEqual(say(machine, 7, served('a', false), served('b', false)), []);
  assert.equal(machine.nextTimeout(), undefined);
});

test('TREE-2: with the manifest alone it holds what has no blocks, says so and asks for the next', () => {
  const machine = relay();
  say(machine, 0, { input: 'expected' }, handOut(5));
  assert.deepEqual(say(machine, 1, { input: 'progress', heldBlocks: 0, blocks: 0 }), [
    { effect: 'sayState', state: 'held', number: 5, heldBlocks: 0 },
    { effect: 'askNext', heldBlocks: 0, room: 2, unreached: [] },
  ]);
});

test('TREE-1: an older hand-out changes nothing, the same one is answered, a newer one replaces the sources', () => {
  const machine = asking();
  assert.deepEqual(say(machine, 1, handOut(4, 'x')), []);
  assert.deepEqual(say(machine, 1, handOut(5, 'x')), [
    { effect: 'sayState', state: 'fetching', number: 5, heldBlocks: 1 },
  ]);
  const once = say(machine, 1, handOut(5), handOut(5), handOut(5));
  assert.deepEqual(once, [], 'whoever brings it over and over makes nobody talk');
  assert.deepEqual(names(say(machine, 1 + treeTiming.againMs, handOut(5))), ['sayState']);
  assert.deepEqual(say(machine, 2, handOut(6, 'q')), [
    { effect: 'fetch', sources: [from('q')] },
    { effect: 'sayState', state: 'fetching', number: 6, heldBlocks: 1 },
  ]);
  assert.deepEqual(names(say(machine, 3, handOut(7, 'me'))), ['log']);
  say(machine, 4, progress(10));
  assert.deepEqual(names(say(machine, 5, handOut(8))), ['sayState']);
});

test('TREE-41: who expects and hears nothing says so after 15 s, then less and less often; who has nothing says nothing', () => {
  const machine = relay();
  assert.deepEqual(say(machine, 0, { input: 'expected' }, { input: 'link', isUp: true }), []);
  const lost = { effect: 'sayLost', number: 0, source: null, trouble: 'none', heldBlocks: 0 };
  assert.deepEqual(wait(machine, treeTiming.expectMs), [lost]);
  assert.deepEqual(wait(machine, 3 * treeTiming.expectMs), [lost]);
  assert.deepEqual(names(say(machine, 60_000, handOut(1))), ['fetch']);
  assert.equal(machine.nextTimeout(), undefined);
});

test('TREE-41, TREE-64: it answers what it expects when it holds something', () => {
  const machine = relay();
  assert.deepEqual(say(machine, 0, progress(4), { input: 'expected' }), [
    { effect: 'sayState', state: 'waiting', number: 0, heldBlocks: 4 },
  ]);
  const whole = relay();
  assert.deepEqual(say(whole, 0, progress(10), { input: 'expected' }), [
    { effect: 'sayState', state: 'held', number: 0, heldBlocks: 10 },
    { effect: 'sayState', state: 'held', number: 0, heldBlocks: 10 },
  ]);
});

test('TREE-43: it asks again when no answer comes, and with the link', () => {
  const machine = asking();
  assert.deepEqual(names(wait(machine, treeTiming.answerMs)), ['askNext']);
  say(machine, 11_000, { input: 'link', isUp: false });
  assert.deepEqual(wait(machine, 100_000), []);
  assert.deepEqual(names(say(machine, 100_000, { input: 'link', isUp: true })), ['sayState', 'askNext']);
});

test('TREE-43, TREE-44: a place that came free while its link was down makes it ask when the link is back', () => {
  const machine = asking();
  say(machine, 1, { input: 'answer', next: ['a'], more: 'later' }, progress(10));
  say(machine, 2, { input: 'notified', node: 'a', outcome: 'accepted' }, { input: 'link', isUp: false });
  assert.deepEqual(wait(machine, 3 + treeTiming.beginMs), []);
  assert.deepEqual(names(say(machine, 60_000, { input: 'link', isUp: true })), ['sayState', 'askNext']);
});

test('TREE-44: what it said before the CCM listened it says again when it is told what is to come', () => {
  const machine = asking();
  say(machine, 1, { input: 'sourceFailed', source: 'p', trouble: 'unreachable' });
  say(machine, 2, { input: 'link', isUp: false }, { input: 'link', isUp: true });
  assert.deepEqual(names(say(machine, 3, { input: 'expected' })), ['sayState', 'askNext', 'sayLost']);
});

test('TREE-43: told `later`, it asks again when it holds all and nobody fetches from it any more; told `none`, never', () => {
  for (const more of ['later', 'none'] as const) {
    const machine = asking();
    say(machine, 1, { input: 'answer', next: ['a'], more }, served('a', true));
    say(machine, 1, { input: 'notified', node: 'a', outcome: 'accepted' });
    assert.deepEqual(names(say(machine, 2, progress(10))), ['sayState']);
    assert.deepEqual(names(say(machine, 3, served('a', false))), more === 'later' ? ['askNext'] : []);
  }
});

test('TREE-43: told `later` and nobody, one that has nobody to serve asks again after a while, not at once', () => {
  const machine = asking();
  const later: RelayInput = { input: 'answer', next: [], more: 'later' };
  assert.deepEqual(names(say(machine, 1, progress(10), later)), ['sayState']);
  assert.deepEqual(names(say(machine, 2, { input: 'mayForward', may: true })), []);
  assert.deepEqual(wait(machine, treeTiming.answerMs), []);
  assert.deepEqual(names(wait(machine, 1 + treeTiming.answerMs)), ['askNext']);
});

test('TREE-43: whom it could not notify it names when it asks next; its place is free', () => {
  const machine = asking();
  say(machine, 1, { input: 'answer', next: ['a', 'b'], more: 'none' });
  assert.deepEqual(say(machine, 2, { input: 'notified', node: 'a', outcome: 'unreachable' }), []);
  assert.deepEqual(say(machine, 3, { input: 'notified', node: 'b', outcome: 'accepted' }), [
    { effect: 'askNext', heldBlocks: 1, room: 1, unreached: [{ node: 'a', trouble: 'unreachable' }] },
  ]);
});

test('TREE-43: one that was notified and does not begin keeps its place for 15 s; more than it bears it does not notify', () => {
  const machine = asking(1);
  assert.deepEqual(names(say(machine, 1, { input: 'answer', next: ['a', 'b', 'me'], more: 'later' })), [
    'notify',
  ]);
  say(machine, 2, { input: 'notified', node: 'a', outcome: 'accepted' }, progress(10));
  assert.deepEqual(wait(machine, 1 + treeTiming.beginMs), []);
  assert.deepEqual(wait(machine, 2 + treeTiming.beginMs), [
    { effect: 'askNext', heldBlocks: 10, room: 1, unreached: [] },
  ]);
});

test('TREE-40: a source that fails is named; without other sources the same are tried again, and named again; a corrupt one is only named again', () => {
  const machine = asking();
  say(machine, 1, { input: 'answer', next: [], more: 'none' });
  const failed: RelayInput = { input: 'sourceFailed', source: 'p', trouble: 'unreachable' };
  assert.deepEqual(say(machine, 2, failed, failed), [
    { effect: 'sayLost', number: 5, source: 'p', trouble: 'unreachable', heldBlocks: 1 },
  ]);
  assert.deepEqual(say(machine, 2, { ...failed, source: 'other' }), []);
  assert.deepEqual(wait(machine, 2 + treeTiming.sourceMs), [{ effect: 'fetch', sources: [from('p')] }]);
  assert.deepEqual(names(say(machine, 20_000, { ...failed, trouble: 'corrupt' })), ['sayLost']);
  assert.deepEqual(names(wait(machine, 20_000 + treeTiming.sourceMs)), ['sayLost']);
  assert.deepEqual(names(say(machine, 40_000, { input: 'link', isUp: true })), ['sayState', 'sayLost']);
  say(machine, 41_000, handOut(6, 'q'));
  assert.equal(machine.nextTimeout(), undefined);
});

test('TREE-24: while its own segment goes first it does not ask', () => {
  const machine = relay();
  say(machine, 0, { input: 'mayForward', may: false }, handOut(1));
  assert.deepEqual(say(machine, 1, progress(1)), []);
  assert.deepEqual(names(say(machine, 2, { input: 'mayForward', may: true })), ['askNext']);
});

test('TREE-2: one whose uplink bears nobody shows itself instead of asking', () => {
  assert.deepEqual(names(say(relay(0), 0, handOut(1), progress(1), progress(10))), [
    ...['fetch', 'sayState', 'sayState'],
  ]);
});

test('TREE-27: what it holds vanishes: it says so, expects other sources, and asks with the first blocks', () => {
  const machine = asking();
  say(machine, 1, progress(10));
  assert.deepEqual(say(machine, 2, { input: 'vanished' }), [
    { effect: 'fetch', sources: [] },
    { effect: 'sayState', state: 'fetching', number: 5, heldBlocks: 0 },
  ]);
  assert.ok(
    (machine.nextTimeout() ?? 0) > treeTiming.answerMs,
    'it does not ask with nothing, again and again',
  );
  assert.deepEqual(names(wait(machine, 30_000)), ['sayLost']);
  assert.deepEqual(names(say(machine, 30_001, handOut(6), progress(1))), ['fetch', 'askNext']);
});

test('TREE-43: an answer that comes after what it held vanished still counts: told `none`, it asks no more', () => {
  const machine = asking();
  say(machine, 1, { input: 'vanished' }, { input: 'answer', next: [], more: 'none' });
  assert.deepEqual(say(machine, 2, progress(1)), []);
});

test('TREE-40: a failure of its own ends it, until it is expected again; the end ends it too', () => {
  const machine = asking();
  assert.deepEqual(names(say(machine, 1, { input: 'failed' }, { input: 'failed' }, progress(3))), [
    'fetch',
    'sayState',
  ]);
  assert.deepEqual(say(machine, 2, handOut(6)), [
    { effect: 'sayState', state: 'failed', number: 5, heldBlocks: 3 },
  ]);
  assert.deepEqual(names(say(machine, 3, { input: 'expected' })), ['fetch', 'sayState']);
  assert.equal(machine.state, 'fetching');
  assert.deepEqual(names(say(machine, 4, { input: 'ended' }, progress(4))), ['fetch']);
  assert.equal(machine.nextTimeout(), undefined);
  assert.deepEqual(names(say(machine, 5, { input: 'expected' }, progress(5))), [
    'fetch',
    'sayState',
    'askNext',
  ]);
});

test('TREE-43: whatever comes in whatever order, it does not throw, keeps no timer in the past, and notifies no more than it bears', () => {
  const node = fc.constantFrom('a', 'b', 'c', 'p', 'me');
  const input = fc.oneof(
    fc.constantFrom<RelayInput>(
      { input: 'expected' },
      { input: 'failed' },
      { input: 'vanished' },
      { input: 'ended' },
    ),
    fc.tuple(fc.nat(5), node).map(([number, source]) => handOut(number, source)),
    fc.nat(10).map(progress),
    fc.boolean().map((isUp): RelayInput => ({ input: 'link', isUp })),
    fc.boolean().map((may): RelayInput => ({ input: 'mayForward', may })),
    fc.tuple(node, fc.boolean()).map(([child, isServed]) => served(child, isServed)),
    fc
      .tuple(fc.array(node), fc.constantFrom('later', 'none'))
      .map(([next, more]): RelayInput => ({ input: 'answer', next, more })),
    fc
      .tuple(node, fc.constantFrom('accepted', 'unreachable', 'refused'))
      .map(([child, outcome]): RelayInput => ({ input: 'notified', node: child, outcome })),
    fc
      .tuple(node, fc.constantFrom('unreachable', 'lacks', 'corrupt', 'slow'))
      .map(([source, trouble]): RelayInput => ({ input: 'sourceFailed', source, trouble })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20_000), input)), (steps) => {
      const machine = relay(2);
      const notifying = new Set<string>();
      let now = 0;
      for (const [afterMs, step] of steps) {
        now += afterMs;
        for (let count = 0; (machine.nextTimeout() ?? now + 1) <= now; count += 1) {
          assert.ok(count < 100, 'a timer stays in the past');
          machine.onTimeout(now);
        }
        if (step.input === 'notified') notifying.delete(step.node);
        for (const effect of [...effectsOf(machine), ...say(machine, now, step)]) {
          if (effect.effect === 'notify') notifying.add(effect.node);
          if (effect.effect === 'askNext') assert.ok(effect.room >= 0 && effect.heldBlocks > 0);
        }
        assert.ok(notifying.size <= 2);
      }
    }),
  );
});

test('N19 TREE-27: what vanishes when nobody needs it any more is not said to be held when it is expected once more', () => {
  const machine = asking();
  say(machine, 1, progress(10), { input: 'ended' }, { input: 'vanished' });
  const again = say(
    machine,
    2,
    { input: 'link', isUp: false },
    { input: 'link', isUp: true },
    { input: 'expected' },
    handOut(6, 'q'),
  );
  assert.ok(
    again.every(
      (effect) => effect.effect !== 'sayState' || (effect.state !== 'held' && effect.heldBlocks === 0),
    ),
  );
  assert.ok(again.some((effect) => effect.effect === 'fetch' && effect.sources[0]?.node === 'q'));
});
