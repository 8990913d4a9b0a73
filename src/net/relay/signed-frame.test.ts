import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { isGenuineFrame, signFrame } from './signed-frame.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const session = 'ab'.repeat(16);
const frame = signFrame({ session, node: 'web1', counter: 3, text: '{"type":"held"}' }, privateKey);
const expected = { session, node: 'web1', above: 2, key: publicKey };

test('LEAD-3: a frame counts for its node, session and once', () => {
  assert.ok(isGenuineFrame(frame, expected));
  assert.ok(!isGenuineFrame(frame, { ...expected, above: 3 }), 'said before');
  assert.ok(!isGenuineFrame(frame, { ...expected, session: 'cd'.repeat(16) }), 'another session');
  assert.ok(!isGenuineFrame(frame, { ...expected, node: 'web2' }), 'another node');
  assert.ok(!isGenuineFrame(frame, { ...expected, key: generateKeyPairSync('ed25519').publicKey }));
});

test('LEAD-3: whatever is altered is not genuine', () => {
  for (const altered of [
    { ...frame, text: '{"type":"staged"}' },
    { ...frame, counter: 4 },
    { ...frame, node: 'web2' },
    { ...frame, session: 'cd'.repeat(16) },
  ])
    assert.ok(!isGenuineFrame(altered, { ...expected, session: altered.session, node: altered.node }));
});
