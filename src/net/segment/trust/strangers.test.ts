// What strangers on the LAN can make a node do: little, and nothing that is others' loss.

import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../tls/certificate-authority.ts';
import { layTable, type Voice } from '../testing/voices.ts';
import type { SegmentMessage } from '../wire/segment-message.ts';

const claim = (term: number): SegmentMessage => ({
  type: 'leader-claim',
  term,
  priority: term,
  accepted: false,
});
const termsHeard = (voice: Voice): number[] =>
  voice.heard.flatMap(({ message }) => ('term' in message ? [message.term] : []));

test('CHAN-6: a stranger’s certificate under the fingerprint of a node that is not known yet makes no stranger of it', async (t) => {
  const table = await layTable(t);
  const foreign = await createCertificateAuthority(temporaryDirectory(t));
  const one = await table.join({ node: 'web-1' });
  const stranger = await table.join({ node: 'web-9', authority: foreign });
  const two = await table.join({ node: 'web-2' });
  const certificate = new X509Certificate(stranger.credentials.identity.certificate).raw;
  const nonce = '0'.repeat(16);
  const claimed = stranger.authenticator.say('group', { type: 'certificate', nonce, since: 0, certificate });
  one.authenticator.say('group', claim(1)).copy(claimed, 22, 22, 22 + 32);
  two.authenticator.receive(claimed, stranger.source);
  assert.equal(two.authenticator.drops.counts().malformed, 1);
  one.say(claim(2));
  assert.deepEqual(termsHeard(two), [2]);
});

test('CHAN-3: what comes from port 0, where nobody can be answered, is dropped', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const bytes = one.authenticator.say('group', claim(1));
  table.sent.length = 0;
  two.authenticator.receive(bytes, { ...one.source, port: 0 });
  assert.equal(two.authenticator.drops.counts().garbage, 1);
  assert.equal(table.sent.length, 0);
});

test('CHAN-9: who invents addresses has ten times what one address has', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const bytes = one.say(claim(1));
  table.sent.length = 0;
  for (let at = 0; at < 6_000; at += 1) {
    const forged = Buffer.from(bytes);
    forged.writeUIntBE(2 ** 40, 72, 6);
    const invented = { address: `10.78.${at >> 8}.${at & 255}`, port: 7448 };
    two.authenticator.receive(forged, invented);
    randomBytes(32).copy(forged, 22);
    two.authenticator.receive(forged, invented);
  }
  const { forged = 0 } = two.authenticator.drops.counts();
  assert.ok(forged <= 5_000, `${forged} signatures were looked at`);
  assert.ok(table.sent.length <= 5_000, `${table.sent.length} questions`);
  // A second later there is room for others.
  table.now += 1_000;
  one.say(claim(2));
  assert.deepEqual(termsHeard(two), [1, 2]);
});

test('CHAN-9: what strangers make a node remember and send is bounded', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const bytes = one.say(claim(1));
  table.sent.length = 0;
  const attacker = { address: '10.77.0.66', port: 1 };
  for (let round = 0; round < 5_000; round += 1) {
    const invented = Buffer.from(bytes);
    randomBytes(32).copy(invented, 22);
    two.authenticator.receive(invented, attacker);
  }
  assert.ok(table.sent.length <= 500, `${table.sent.length} questions`);
  assert.ok((two.authenticator.drops.counts().unknown ?? 0) >= 5_000 - 256);
  const fresh = await table.join({ node: 'web-3' });
  fresh.say(claim(9));
  assert.deepEqual(termsHeard(two), [1, 9]);
});

test('CHAN-9: who is known as a stranger is not asked again because the authorities are named again', async (t) => {
  const table = await layTable(t);
  const foreign = await createCertificateAuthority(temporaryDirectory(t));
  const one = await table.join({ node: 'web-1' });
  const stranger = await table.join({ node: 'web-2', authority: foreign });
  // Asked by web-1, web-2 sees whose certificate it has.
  stranger.say(claim(1));
  assert.equal(stranger.authenticator.drops.counts().stranger, 1);
  stranger.authenticator.believe(foreign.certificate);
  table.sent.length = 0;
  stranger.authenticator.receive(one.authenticator.say('group', claim(2)), one.source);
  assert.equal(stranger.authenticator.drops.counts().stranger, 2);
  assert.equal(table.sent.length, 0);
});
