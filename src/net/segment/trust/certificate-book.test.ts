// Which certificates are believed.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { issueNodeCredentials } from '../../testing/node-credentials.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../tls/certificate-authority.ts';
import { createCertificateBook } from './certificate-book.ts';

test('CHAN-6: a certificate is known by its own bytes alone: none behind it, of this authority, and not revoked', async (t) => {
  const directory = temporaryDirectory(t);
  const authority = await createCertificateAuthority(join(directory, 'one'));
  const other = await createCertificateAuthority(join(directory, 'other'));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const der = new X509Certificate(identity.certificate).raw;
  const book = createCertificateBook(authority.certificate);
  for (const bytes of [
    Buffer.concat([der, Buffer.alloc(1)]),
    der.subarray(0, -1),
    Buffer.from(identity.certificate),
  ]) {
    assert.equal(book.learn(bytes), 'stranger');
  }
  const known = book.learn(der);
  assert.ok(typeof known === 'object' && known.node === 'web-1');
  assert.equal(book.of(known.fingerprint), known);
  book.revoke([known.fingerprint]);
  assert.equal(book.of(known.fingerprint), undefined);
  assert.equal(book.learn(der), 'revoked');
  book.revoke([]);
  assert.ok(typeof book.learn(der) === 'object');
  book.believe(other.certificate);
  assert.equal(book.of(known.fingerprint), undefined);
  assert.equal(book.learn(der), 'stranger');
});
