import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NodeCertificate, renewalGraceMs } from './node-certificate-registry.ts';
import { certificateOf, temporaryRegistry } from './testing/temporary-registry.ts';

const dayMs = 86_400_000;

/** Issued at the test's time, good for ninety days. */
function issuedAt(now: number, name: string): NodeCertificate {
  return { ...certificateOf(name).certificate, issuedAt: now, expiresAt: now + 90 * dayMs };
}

async function joined() {
  const { registry, clock, kinds } = await temporaryRegistry();
  const first = issuedAt(clock.now, 'first');
  registry.nodes.join({ name: 'a', certificate: first });
  return { registry, certificates: registry.certificates, clock, kinds, first };
}

test('KEYS-4: after a renewal both certificates count until the new one is used; then the old one is replaced', async () => {
  const { certificates, clock, kinds, first } = await joined();
  clock.now += 60 * dayMs;
  const second = issuedAt(clock.now, 'second');
  certificates.renewed('a', first, second);
  assert.equal(certificates.current('a')?.fingerprint, second.fingerprint);
  assert.equal(certificates.use('a', first), 'good');
  assert.equal(certificates.use('a', second), 'good');
  assert.equal(certificates.use('a', first), 'replaced');
  assert.equal(certificates.use('a', second), 'good');
  assert.deepEqual(kinds(), ['node.joined', 'node.certificateRenewed']);
});

test('KEYS-4: renewals whose answers were lost leave one certificate that counts beside the one in use', async () => {
  const { certificates, clock, first } = await joined();
  const lost = ['x', 'y', 'z'].map((name) => issuedAt(clock.now, name));
  for (const certificate of lost) certificates.renewed('a', first, certificate);
  assert.deepEqual(
    lost.map((certificate) => certificates.use('a', certificate)),
    ['replaced', 'replaced', 'good'],
  );
});

test('KEYS-4 N65: which certificate is the newer one does not depend on the clock', async () => {
  const { certificates, clock, first } = await joined();
  clock.now -= 5 * dayMs;
  const second = issuedAt(clock.now, 'second');
  certificates.renewed('a', first, second);
  assert.equal(certificates.current('a')?.fingerprint, second.fingerprint);
  assert.equal(certificates.use('a', second), 'good');
  assert.equal(certificates.use('a', first), 'replaced');
});

test('KEYS-5: an expired certificate may renew for ninety days, then not any more', async () => {
  const { certificates, clock, first } = await joined();
  clock.now = first.expiresAt - 1;
  assert.equal(certificates.use('a', first), 'good');
  clock.now = first.expiresAt;
  assert.equal(certificates.use('a', first), 'expired');
  clock.now = first.expiresAt + renewalGraceMs - 1;
  assert.equal(certificates.use('a', first), 'expired');
  clock.now = first.expiresAt + renewalGraceMs;
  assert.equal(certificates.use('a', first), 'dead');
});

test('KEYS-7: a renewal that a removal overtook gives nothing that counts, also when the name joins anew', async () => {
  const { registry, certificates, clock, first } = await joined();
  const second = issuedAt(clock.now, 'second');
  registry.nodes.remove('a', 'ann');
  assert.throws(() => certificates.renewed('a', first, second), { code: 'NODE_REMOVED' });
  assert.equal(certificates.current('a'), undefined);
  const third = issuedAt(clock.now, 'third');
  registry.nodes.join({ name: 'a', certificate: third });
  assert.throws(() => certificates.renewed('a', first, second), { code: 'NODE_REMOVED' });
  assert.equal(certificates.current('a')?.fingerprint, third.fingerprint);
});

test('KEYS-7: what belonged to a removed node never counts again, also when its name joins anew', async () => {
  const { registry, certificates, clock, first } = await joined();
  const second = issuedAt(clock.now, 'second');
  certificates.renewed('a', first, second);
  registry.nodes.remove('a', 'ann');
  assert.deepEqual([certificates.use('a', first), certificates.use('a', second)], ['removed', 'removed']);
  assert.equal(certificates.current('a'), undefined);
  registry.nodes.join({ name: 'a', certificate: issuedAt(clock.now, 'third') });
  assert.deepEqual([certificates.use('a', first), certificates.use('a', second)], ['removed', 'removed']);
  assert.equal(certificates.use('b', issuedAt(clock.now, 'third')), 'unknown');
});

test('KEYS-8: a certificate that is later than the database (a restored backup) counts; an earlier or strange one does not', async () => {
  const { certificates, clock, kinds, first } = await joined();
  assert.equal(certificates.use('a', issuedAt(clock.now - dayMs, 'earlier')), 'unknown');
  clock.now += 61 * dayMs;
  const later = issuedAt(clock.now - dayMs, 'later');
  assert.equal(certificates.use('b', later), 'unknown');
  assert.equal(certificates.use('a', later), 'good');
  assert.equal(certificates.use('a', first), 'replaced');
  assert.deepEqual(kinds(), ['node.joined', 'node.certificateAdopted', 'node.certificateRenewed']);
});
