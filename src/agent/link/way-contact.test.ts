// Whatever leaders say, a node speaks with its CCM itself now and then (LEAD-62).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, behind, follows, second, session } from './testing/way-story.ts';
import { wayTiming } from './way-chooser.ts';

test('LEAD-62: a node that is behind leaders speaks with the CCM itself within the hour, whatever they say, and is back a second later', () => {
  const told = behind();
  told.pass(1_000_000);
  // Another leader is no contact with the CCM.
  told.say(follows(second));
  told.pass(1_000);
  told.say(session('s2'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'left, disconnect, connect web-2, open, behind');
  told.pass((3 * wayTiming.contactMs) / 4 - 1_001_001);
  assert.equal(told.did(), '');
  told.pass(1);
  assert.equal(told.did(), 'left, disconnect, link');
  told.pass(500);
  told.say({ input: 'welcomed' });
  told.pass(wayTiming.returnMs - 1);
  assert.equal(told.did(), '');
  told.pass(1);
  assert.equal(told.did(), 'connect web-2');
  told.say(session('s2'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'open, behind, unlink');
});

test('LEAD-62: one whose own link does not come goes behind again after a minute', () => {
  const told = behind();
  told.pass((3 * wayTiming.contactMs) / 4);
  assert.equal(told.did(), 'left, disconnect, link');
  told.pass(wayTiming.retryMaxMs);
  assert.equal(told.did(), 'connect web-1');
  told.say(session('s1'));
  told.say(answer('behind'));
  assert.equal(told.did(), 'open, behind, unlink');
  told.pass((3 * wayTiming.contactMs) / 4);
  assert.equal(told.did(), 'left, disconnect, link', 'and tries again');
});
