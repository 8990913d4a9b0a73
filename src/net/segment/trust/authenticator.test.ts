// Who is believed on the control channel, and what becomes of all others.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueNodeCredentials } from '../../testing/node-credentials.ts';
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
const alive = (term: number): SegmentMessage => ({
  type: 'leader-alive',
  term,
  priority: 1,
  accepted: true,
  list: 0,
  revocations: 0,
  move: null,
});
const termsHeard = (voice: Voice): number[] =>
  voice.heard.flatMap(({ message }) => ('term' in message ? [message.term] : []));
const drops = (voice: Voice): object => voice.authenticator.drops.counts();

test('CHAN-8: a node that is not known is asked for its certificate, and what it said waits for the answer', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  one.say(claim(1));
  assert.deepEqual(termsHeard(two), [1]);
  // Claim, request, answer.
  assert.equal(table.sent.length, 3);
  one.say(claim(2));
  one.say(claim(3), { node: 'web-2' });
  assert.deepEqual(termsHeard(two), [1, 2, 3]);
  assert.equal(table.sent.length, 5);
  assert.deepEqual(two.heard.map(({ from, toGroup }) => [from, toGroup]).at(-1), ['web-1', false]);
  assert.deepEqual(drops(two), {});
  assert.deepEqual(drops(one), { own: 2 + 1 });
});

test('CHAN-6 CHAN-9: what nodes of another CCM say is dropped, and they are asked less and less often', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const foreign = await createCertificateAuthority(join(temporaryDirectory(t), 'foreign'));
  const stranger = await table.join({ node: 'web-2', authority: foreign });
  for (let term = 1; term <= 100; term += 1) {
    stranger.say(claim(term));
    table.now += 100;
  }
  // Nobody answers a node that it does not believe either: 10 s at most with one question each 2 s.
  assert.ok(table.sent.length - 100 <= 9, `${table.sent.length - 100} questions`);
  // The first question showed its certificate, so that one side knows what the other is.
  one.say(claim(1));
  assert.deepEqual([...one.heard, ...stranger.heard], []);
  assert.ok((stranger.authenticator.drops.counts().stranger ?? 0) >= 2);
  // Once its authority is believed, it is heard.
  one.authenticator.believe(`${table.authority.certificate}\n${foreign.certificate}`);
  stranger.authenticator.believe(`${table.authority.certificate}\n${foreign.certificate}`);
  table.now += 5_000;
  stranger.say(claim(102));
  assert.deepEqual(termsHeard(one), [102]);
});

test('CHAN-6: the CCM’s own certificate names no node', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const ccm = await table.authority.issueServerIdentity(['127.0.0.1']);
  const { importPrivateKey } = await import('../../tls/key-pair.ts');
  const key = importPrivateKey(ccm.key, 'ccm');
  const impostor = await table.join({
    node: 'web-2',
    credentials: { node: 'web-2', key, identity: ccm, serial: '' },
  });
  impostor.say(claim(1));
  assert.deepEqual(one.heard, []);
  assert.equal(one.authenticator.drops.counts().stranger, 1);
});

test('CHAN-2: a forged term is dropped, and who forges much is not listened to any more', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const bytes = one.say(claim(1));
  const attacker = { address: '10.77.0.66', port: 1 };
  for (let at = 0; at < 1_000; at += 1) {
    const forged = Buffer.from(bytes);
    // The term, under a counter that is new.
    forged.writeUIntBE(1_000 + at, 66, 6);
    forged.writeUIntBE(2 ** 40, 72, 6);
    two.authenticator.receive(forged, attacker);
  }
  assert.deepEqual(termsHeard(two), [1]);
  const { forged = 0, flood = 0 } = two.authenticator.drops.counts();
  assert.equal(forged + flood, 1_000);
  assert.ok(forged <= 501, `${forged} signatures were looked at`);
  // The node itself is heard all the while.
  one.say(claim(2));
  assert.deepEqual(termsHeard(two), [1, 2]);
});

test('CHAN-7: each datagram counts once; those that come in another order than they were sent count', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  one.say(claim(1));
  table.leave(two);
  const later = Array.from({ length: 300 }, (_, index) => one.say(claim(10 + index)));
  const [first, second, third] = later as [Buffer, Buffer, Buffer];
  for (const bytes of [third, first, second, first, third, second])
    two.authenticator.receive(bytes, one.source);
  assert.deepEqual(termsHeard(two), [1, 12, 10, 11]);
  assert.deepEqual(drops(two), { replay: 3 });
  // Far behind the newest, it is too old, also when it was never heard.
  two.authenticator.receive(later[299] as Buffer, one.source);
  two.authenticator.receive(later[20] as Buffer, one.source);
  assert.deepEqual(termsHeard(two), [1, 12, 10, 11, 309]);
});

test('CHAN-7: what was meant for one node is no word to another', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  one.say(claim(1), { node: 'web-3' });
  assert.deepEqual(two.heard, []);
  assert.deepEqual(drops(two), { 'other-node': 1 });
});

test('CHAN-8: a receiver that has just started takes no replay, though it remembers nothing; news it takes', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const old = one.say(alive(5));
  table.now += 5_000;
  const news = one.say(alive(6));
  const restarted = await table.join({ node: 'web-2', boot: 2 });
  const attacker = { address: '10.77.0.66', port: 1 };
  restarted.authenticator.receive(old, attacker);
  assert.deepEqual(restarted.heard, []);
  // From the sender's own place, so that it is asked and answers: it is alive, and yet the old word does not count.
  restarted.authenticator.receive(old, one.source);
  assert.deepEqual(restarted.heard, []);
  restarted.authenticator.receive(news, one.source);
  assert.deepEqual(termsHeard(restarted), [6]);
  restarted.authenticator.receive(old, one.source);
  assert.deepEqual(termsHeard(restarted), [6]);
});

test('CHAN-8: a sender that has started again is heard in its new life only, also when its boot counter was lost', async (t) => {
  const table = await layTable(t);
  const two = await table.join({ node: 'web-2' });
  const first = await table.join({ node: 'web-1', boot: 7 });
  const { credentials } = first;
  const { address, port } = first.source;
  const before = first.say(claim(1));
  table.leave(first);
  const second = await table.join({ node: 'web-1', credentials, boot: 8, address, port });
  second.say(claim(2));
  assert.deepEqual(termsHeard(two), [1, 2]);
  two.authenticator.receive(before, first.source);
  table.leave(second);
  const third = await table.join({ node: 'web-1', credentials, boot: 1, address, port });
  table.now += 10_000;
  third.say(claim(3));
  third.say(claim(4));
  assert.deepEqual(termsHeard(two), [1, 2, 3, 4]);
  assert.deepEqual(two.twins, []);
});

test('CHAN-7: a replay from an earlier life makes a node ask, and what was taken of the present life stays taken', async (t) => {
  const table = await layTable(t);
  const two = await table.join({ node: 'web-2' });
  const first = await table.join({ node: 'web-1', boot: 7 });
  const old = first.say(claim(1));
  table.leave(first);
  const { address, port } = first.source;
  const second = await table.join({ node: 'web-1', credentials: first.credentials, boot: 8, address, port });
  const news = second.say(claim(2));
  table.sent.length = 0;
  for (let round = 0; round < 20; round += 1) {
    table.now += 50;
    two.authenticator.receive(old, second.source);
    two.authenticator.receive(news, second.source);
  }
  assert.deepEqual(termsHeard(two), [1, 2]);
  assert.ok(table.sent.length <= 40, `${table.sent.length} datagrams`);
  second.say(claim(3));
  assert.deepEqual(termsHeard(two), [1, 2, 3]);
});

test('CHAN-8: a node that counts anew under a boot counter that it had before is heard again by its answer', async (t) => {
  const table = await layTable(t);
  const two = await table.join({ node: 'web-2' });
  const first = await table.join({ node: 'web-1', boot: 7 });
  for (let term = 0; term < 1_000; term += 1) first.say(claim(term));
  table.leave(first);
  const { credentials, source } = first;
  const restored = await table.join({ node: 'web-1', credentials, boot: 7, ...source });
  restored.say(claim(5_000));
  restored.say(claim(5_001));
  assert.equal(termsHeard(two).at(-1), 5_001);
});

test('CHAN-6: a revoked certificate counts no more from that moment on', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  one.say(claim(1));
  const { authority } = table;
  const renewed = await issueNodeCredentials(authority, 'web-1');
  const { fingerprintOf } = await import('../../tls/fingerprint.ts');
  const { X509Certificate } = await import('node:crypto');
  const fingerprint = fingerprintOf(new X509Certificate(one.credentials.identity.certificate).raw);
  two.authenticator.revoke([fingerprint]);
  table.sent.length = 0;
  one.say(claim(2));
  assert.equal(table.sent.length, 1, 'nobody asks who that is');
  assert.deepEqual(termsHeard(two), [1]);
  assert.deepEqual(drops(two), { revoked: 1 });
  const late = await table.join({ node: 'web-3' });
  late.authenticator.revoke([fingerprint]);
  one.say(claim(3));
  assert.deepEqual(late.heard, []);
  table.leave(one);
  // The node with its next certificate is another matter.
  const again = await table.join({ node: 'web-1', credentials: renewed });
  again.say(claim(4));
  assert.deepEqual(termsHeard(two), [1, 4]);
});

test('CHAN-6: certificates’ dates, and so wall clocks, decide nothing', async (t) => {
  const table = await layTable(t);
  const two = await table.join({ node: 'web-2' });
  const day = 86_400_000;
  for (const [index, aheadDays] of [-400, 400].entries()) {
    const authority = await createCertificateAuthority(join(temporaryDirectory(t), 'clock'), {
      now: () => Date.now() + aheadDays * day,
      certificateLifeMs: day,
    });
    two.authenticator.believe(authority.certificate);
    const one = await table.join({ node: `web-${10 + index}`, authority });
    one.authenticator.believe(`${authority.certificate}\n${table.authority.certificate}`);
    one.say(claim(index));
  }
  assert.deepEqual(termsHeard(two), [0, 1]);
});

test('CHAN-10: two nodes with one id are noticed by others and by themselves, whatever their boot counters; a crash loop is not', async (t) => {
  for (const boots of [
    [5, 5],
    [5, 6],
    [9, 2],
  ]) {
    const table = await layTable(t);
    const witness = await table.join({ node: 'web-2' });
    const one = await table.join({ node: 'web-1', boot: boots[0] as number });
    const copy = await table.join({ node: 'web-1', boot: boots[1] as number, credentials: one.credentials });
    for (let term = 0; term < 20; term += 1) one.say(claim(term));
    for (let round = 0; round < 10; round += 1) {
      table.now += 500;
      one.say(claim(100 + round));
      copy.say(claim(200 + round));
    }
    assert.ok(witness.twins.includes('web-1'), `witness, boots ${boots.join(' and ')}`);
    assert.ok(one.twins.includes('web-1') && copy.twins.includes('web-1'), `boots ${boots.join(' and ')}`);
    assert.ok(witness.twins.length < 5, 'it is said now and then, not each time');
  }
  const table = await layTable(t);
  const witness = await table.join({ node: 'web-2' });
  let life = await table.join({ node: 'web-1', boot: 1 });
  for (let boot = 2; boot < 20; boot += 1) {
    life.say(claim(boot));
    table.leave(life);
    table.now += 300;
    life = await table.join({ node: 'web-1', boot, credentials: life.credentials });
  }
  assert.equal(witness.heard.length, 18);
  assert.deepEqual(witness.twins, []);
});

test('CHAN-10: replays in a node’s own name, to itself or to others, are no second node', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const bytes = one.say(claim(1));
  for (let round = 0; round < 10; round += 1) {
    table.now += 1_000;
    for (const port of [1, 2]) {
      one.authenticator.receive(bytes, { address: '10.77.0.66', port });
      two.authenticator.receive(bytes, { address: '10.77.0.66', port });
    }
    one.say(claim(2 + round));
  }
  assert.deepEqual([...one.twins, ...two.twins], []);
  assert.equal(two.heard.length, 11);
});

test('CHAN-11: only this segment’s messages count; that another has a leader here is told', async (t) => {
  const table = await layTable(t);
  const here = 'aa'.repeat(16);
  const one = await table.join({ node: 'web-1', segment: here });
  const fresh = await table.join({ node: 'web-3' });
  one.say(alive(1));
  one.say(claim(2));
  assert.equal(fresh.heard.length, 0);
  assert.deepEqual(fresh.otherSegments, [here]);
  assert.deepEqual(drops(fresh), { 'other-segment': 2 });
  fresh.say(claim(3));
  assert.equal(one.heard.length, 0);
  // Drivers test the network across segments.
  fresh.say({ type: 'present' });
  assert.deepEqual(one.heard.at(-1)?.message, { type: 'present' });
  fresh.segment = here;
  fresh.say(claim(4));
  assert.deepEqual(termsHeard(one), [4]);
});

test('CHAN-8: an answer that nobody asked for, or to another nonce, introduces nobody', async (t) => {
  const table = await layTable(t);
  const one = await table.join({ node: 'web-1' });
  const two = await table.join({ node: 'web-2' });
  const answer = one.authenticator.say(
    { node: 'web-2' },
    {
      type: 'certificate',
      nonce: '00'.repeat(8),
      since: 0,
      certificate: Buffer.from(
        one.credentials.identity.certificate.replaceAll(/-----[^-]+-----|\s/g, ''),
        'base64',
      ),
    },
  );
  two.authenticator.receive(answer, one.source);
  assert.deepEqual(drops(two), { unasked: 1 });
  assert.equal(two.authenticator.peers.of('web-1'), undefined);
});
