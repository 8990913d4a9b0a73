// Which way the link goes: the stories of LEAD-50 to LEAD-56, each with its times.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answer, behind, first, follows, second, session, story } from './testing/way-story.ts';
import { type WayInput, wayTiming } from './way-chooser.ts';

test('LEAD-50: a node goes behind a leader that was accepted for two seconds, once it was welcomed; its own link ends last', () => {
  const told = story();
  assert.equal(told.did(), 'link');
  told.say(follows(first));
  told.pass(10_000);
  assert.equal(told.did(), '', 'nothing before a welcome');
  told.say({ input: 'welcomed' });
  told.pass(wayTiming.returnMs - 1);
  assert.equal(told.did(), '');
  told.pass(1);
  assert.equal(told.did(), 'connect web-1');
  told.say(session('s1'));
  assert.equal(told.did(), 'open');
  told.say(answer('behind'));
  assert.equal(told.did(), 'behind, unlink');
});

test('LEAD-50: another leader, or none, begins the two seconds anew', () => {
  const told = story();
  told.say({ input: 'welcomed' });
  told.say(follows(first));
  told.pass(1_500);
  told.say(follows(second));
  told.pass(1_500);
  told.say(follows(null));
  told.pass(1_500);
  assert.equal(told.did(), 'link');
  told.say(follows(second));
  told.pass(1_999);
  assert.equal(told.did(), '');
  told.pass(1);
  assert.equal(told.did(), 'connect web-2');
});

test('LEAD-53: who loses its leader waits for the next one, and opens there without a link of its own', () => {
  const told = behind();
  told.say({ input: 'leaderDown' });
  assert.equal(told.did(), 'left, disconnect');
  told.say(follows(null));
  told.pass(3_000);
  told.say(follows(second));
  told.pass(500);
  assert.equal(told.did(), 'connect web-2');
  told.say(session('s2'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'open, behind');
});

test('LEAD-53: without a next leader it makes its own link after six to seven seconds', () => {
  for (const [random, ms] of [
    [0, 6_000],
    [0.5, 6_500],
    [0.999, 6_999],
  ] as const) {
    const told = behind(() => random);
    told.say({ input: 'leaderDown' });
    told.say(follows(null));
    told.did();
    told.pass(ms - 1);
    assert.equal(told.did(), '', 'spread');
    told.pass(1);
    assert.equal(told.did(), 'link');
  }
});

test('LEAD-53: a leader that still is there is tried again while time is left', () => {
  const told = behind();
  told.say({ input: 'leaderDown' });
  told.pass(500);
  assert.equal(told.did(), 'left, disconnect, connect web-1');
  told.say({ input: 'leaderDown' });
  told.pass(wayTiming.returnMs);
  assert.equal(told.did(), 'disconnect, connect web-1');
  told.pass(7_000);
  assert.equal(told.did(), 'link');
});

test('LEAD-53: a leader that carries nothing for a while is waited for; a new session is opened in', () => {
  const told = behind();
  told.say(session(null));
  assert.equal(told.did(), 'left');
  told.pass(3_000);
  told.say(session('s2'));
  assert.equal(told.did(), 'open');
  told.say(answer('behind'));
  assert.equal(told.did(), 'behind');
  told.say(session('s3'));
  assert.equal(told.did(), 'left, open', 'another session at once');
  told.say(answer('behind'));
  told.did();
  told.say(session(null));
  told.pass(10_000);
  assert.equal(told.did(), 'left, link, disconnect');
});

test('LEAD-53: behind a leader that it does not hear a node does not go anew: it makes its own link, unless that leader is heard in time', () => {
  for (const isHeard of [true, false]) {
    const told = behind();
    told.say(follows(null));
    told.say(session(null));
    told.say(session('s2'));
    told.pass(3_000);
    assert.equal(told.did(), 'left');
    if (isHeard) {
      told.say(follows(first));
      assert.equal(told.did(), 'open');
      told.say(answer('behind'));
      assert.equal(told.did(), 'behind');
    } else {
      told.pass(4_000);
      assert.equal(told.did(), 'link, disconnect');
    }
  }
});

test('LEAD-52: who is called makes its own link at once, and is back a second after the welcome; who keeps being called stays away longer', () => {
  const told = behind();
  told.pass(wayTiming.steadyMs);
  told.say(answer('call'));
  assert.equal(told.did(), 'left, disconnect, link');
  told.pass(20_000);
  assert.equal(told.did(), '', 'a welcome comes first');
  told.say({ input: 'welcomed' });
  told.pass(wayTiming.returnMs);
  assert.equal(told.did(), 'connect web-1');
  told.say(session('s1'));
  told.say(answer('behind'));
  told.say(answer('call'));
  told.say({ input: 'welcomed' });
  told.did();
  told.pass(wayTiming.returnMs);
  assert.equal(told.did(), '');
  told.pass(wayTiming.returnMs);
  assert.equal(told.did(), 'connect web-1');
});

test('LEAD-52: a call to who still has its link is tried again after a second, then after ten', () => {
  const told = story();
  told.say({ input: 'welcomed' });
  told.say(follows(first));
  told.pass(wayTiming.settleMs);
  told.did();
  for (const ms of [1_000, 10_000 * 2]) {
    told.say(session('s1'));
    told.say(answer('call'));
    assert.equal(told.did(), 'open, disconnect');
    told.pass(ms - 1);
    assert.equal(told.did(), '');
    told.pass(1);
    assert.equal(told.did(), 'connect web-1');
  }
});

test('LEAD-54: what did not work is tried again after 10, 20, 40, 60 seconds; another leader is tried at once', () => {
  const told = story();
  told.say({ input: 'welcomed' });
  told.say(follows(first));
  told.pass(wayTiming.settleMs);
  assert.equal(told.did(), 'link, connect web-1');
  for (const seconds of [10, 20, 40, 60, 60]) {
    told.say({ input: 'leaderDown' });
    assert.equal(told.did(), 'disconnect');
    told.pass(seconds * 1_000 - 1);
    assert.equal(told.did(), '');
    told.pass(1);
    assert.equal(told.did(), 'connect web-1');
  }
  told.say(session(null));
  assert.equal(told.did(), 'disconnect', 'a leader without a session carries nothing');
  told.say(follows(second));
  told.pass(wayTiming.settleMs);
  assert.equal(told.did(), 'connect web-2');
  told.pass(wayTiming.attemptMs);
  assert.equal(told.did(), 'disconnect', 'no answer');
});

test('LEAD-54: who is refused while it is behind hears from the CCM itself', () => {
  const told = behind();
  told.say(answer('refused'));
  assert.equal(told.did(), 'left, disconnect, link');
  told.say({ input: 'welcomed' });
  told.pass(1_000);
  told.say(session('s1'));
  told.say(answer('refused'));
  assert.equal(told.did(), 'connect web-1, open, disconnect');
  told.pass(9_999);
  assert.equal(told.did(), '');
});

test('LEAD-55: who leads has a link of its own, at once', () => {
  const told = behind();
  told.say({ input: 'leaderDown' });
  told.say({ input: 'leader', leader: null, leads: true });
  assert.equal(told.did(), 'left, disconnect, link');
  told.say({ input: 'welcomed' });
  told.pass(100_000);
  assert.equal(told.did(), '');
});

test('LEAD-50: an LA that is missed ends no connection that stands; another leader does', () => {
  const told = behind();
  told.say(follows(null));
  told.pass(100_000);
  assert.equal(told.did(), '');
  told.say(follows(first));
  assert.equal(told.did(), '');
  told.say(follows(second));
  assert.equal(told.did(), 'left, disconnect');
  told.pass(500);
  assert.equal(told.did(), 'connect web-2');
});

test('LEAD-56: a node that was welcomed once, and lost the CCM, goes behind a leader that has it', () => {
  const told = story();
  told.say({ input: 'welcomed' });
  told.say({ input: 'linkDown' });
  told.say(follows(first));
  told.pass(wayTiming.settleMs);
  told.say(session('s1'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'link, connect web-1, open, behind, unlink');
});

test('LEAD-50 LEAD-53: whatever happens, a node has its own link, or a leader, or gets one of them within seven seconds', () => {
  const anyInput = fc.oneof(
    fc.constantFrom<WayInput>(
      follows(first),
      follows(second),
      follows(null),
      { input: 'leader', leader: null, leads: true },
      { input: 'welcomed' },
      { input: 'linkDown' },
      session('s1'),
      session('s2'),
      session(null),
      answer('behind'),
      answer('call'),
      answer('refused'),
      { input: 'leaderDown' },
      { input: 'call' },
    ),
    fc.integer({ min: 0, max: 12_000 }),
  );
  fc.assert(
    fc.property(
      fc.array(anyInput, { maxLength: 60 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (inputs, random) => {
        const told = story(() => random);
        let links = 1;
        let connections = 0;
        let isBehind = false;
        let withoutSince: number | undefined;
        const look = (): void => {
          for (const word of told.did().split(', ').filter(Boolean)) {
            if (word === 'link') links += 1;
            if (word === 'unlink') links -= 1;
            if (word.startsWith('connect')) connections += 1;
            if (word === 'disconnect') connections -= 1;
            if (word === 'behind') isBehind = true;
            if (word === 'left') isBehind = false;
            assert.ok(links === 0 || links === 1, 'one link');
            assert.ok(connections === 0 || connections === 1, 'one leader');
          }
          assert.equal(told.chooser.isBehind, isBehind);
          if (links === 1 || isBehind) withoutSince = undefined;
          else withoutSince ??= told.now();
          assert.ok(
            withoutSince === undefined || told.now() - withoutSince <= 7_000,
            'neither link nor leader',
          );
        };
        told.did();
        for (const input of inputs) {
          if (typeof input === 'number') {
            for (let left = input; left > 0; left -= 500) {
              told.pass(Math.min(500, left));
              look();
            }
          } else {
            told.say(input);
            look();
          }
        }
      },
    ),
    { seed: 20_261_128, numRuns: 2_000 },
  );
});
