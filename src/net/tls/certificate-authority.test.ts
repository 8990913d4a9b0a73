import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { issueNodeCredentials } from '../testing/node-credentials.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createCertificateAuthority } from './certificate-authority.ts';
import { nodeNameOf } from './certificate-names.ts';
import { generatePrivateKey } from './key-pair.ts';
import { createSigningRequest } from './signing-request.ts';
import { ccmConnectionOptions, secureContextOptions } from './tls-settings.ts';

test('the authority is kept: opened again it is the same, and its key is for the owner only', async (t) => {
  const directory = join(temporaryDirectory(t), 'keys');
  const first = await createCertificateAuthority(directory);
  const second = await createCertificateAuthority(directory);
  assert.equal(second.certificate, first.certificate);
  assert.match(first.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(
    new X509Certificate(first.certificate).fingerprint256.replaceAll(':', '').toLowerCase(),
    first.fingerprint,
  );
  assert.equal(statSync(join(directory, 'ca-key.pem')).mode & 0o777, 0o600);
});

test('an authority whose files do not belong together is refused, not replaced', async (t) => {
  const directory = temporaryDirectory(t);
  const other = await createCertificateAuthority(join(directory, 'other'));
  await createCertificateAuthority(join(directory, 'one'));
  for (const damage of [other.certificate, 'nonsense']) {
    writeFileSync(join(directory, 'one', 'ca.pem'), damage);
    await assert.rejects(createCertificateAuthority(join(directory, 'one')), { code: 'STATE_CORRUPT' });
  }
  writeFileSync(join(directory, 'one', 'ca-key.pem'), 'nonsense');
  await assert.rejects(createCertificateAuthority(join(directory, 'one')), { code: 'STATE_CORRUPT' });
});

test('LINK-1: certificates carry the node’s name as a URI and start seven days early', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity, serial } = await issueNodeCredentials(authority, 'web-1');
  const certificate = new X509Certificate(identity.certificate);
  assert.equal(certificate.subjectAltName, 'URI:treecast:node:web-1');
  assert.equal(certificate.serialNumber.toLowerCase(), serial);
  assert.equal(certificate.ca, false);
  const early = Date.now() - Date.parse(certificate.validFrom);
  assert.ok(early > 6.9 * 86_400_000 && early < 7.1 * 86_400_000);
  assert.ok(certificate.verify(new X509Certificate(authority.certificate).publicKey));
});

test('LINK-1: TLS 1.3 and Ed25519 in both directions; an older version of TLS is refused', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const ccm = await authority.issueServerIdentity(['localhost', '127.0.0.1', '::1']);
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const server = createServer({
    ...secureContextOptions({ identity: ccm, ca: authority.certificate }),
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const options = ccmConnectionOptions({ identity, ca: authority.certificate });
  const client = connect({ ...options, host: '127.0.0.1', port });
  await once(client, 'secureConnect');
  const [socket] = await accepted;
  assert.equal(socket.getProtocol(), 'TLSv1.3');
  assert.equal(nodeNameOf(socket.getPeerCertificate()), 'web-1');
  client.destroy();
  const old = connect({ ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', host: '127.0.0.1', port });
  await assert.rejects(once(old, 'secureConnect'));
});

test('LINK-1: a node’s certificate does not pass for the CCM’s', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const server = createServer(secureContextOptions({ identity, ca: authority.certificate }));
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as { port: number };
  const client = connect({
    ...ccmConnectionOptions({ identity, ca: authority.certificate }),
    host: '127.0.0.1',
    port,
  });
  await assert.rejects(once(client, 'secureConnect'), { code: 'CERTIFICATE_INVALID' });
});

test('LINK-13: requests without proof, of other keys, other names, or that are none are refused', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const request = await createSigningRequest(generatePrivateKey(), 'web-1');
  const other = await createSigningRequest(generatePrivateKey(), 'web-1');
  const der = Buffer.from(request.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const forged = Buffer.from(der);
  forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
  const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const foreign = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=web-1',
    keys: {
      privateKey: ecdsa.privateKey.toCryptoKey(algorithm, true, ['sign']),
      publicKey: ecdsa.publicKey.toCryptoKey(algorithm, true, ['verify']),
    } satisfies webcrypto.CryptoKeyPair,
    signingAlgorithm: algorithm,
  });
  const refused = [
    '',
    'nonsense',
    'x'.repeat(100_000),
    pem(forged),
    pem(der.subarray(0, 40)),
    foreign.toString('pem'),
  ];
  for (const text of refused) {
    await assert.rejects(authority.issueNodeCertificate(text, 'web-1'), { code: 'CERTIFICATE_INVALID' });
  }
  await assert.rejects(authority.issueNodeCertificate(other, 'web-2'), { code: 'CERTIFICATE_INVALID' });
  await authority.issueNodeCertificate(request, 'web-1');
});

test('LINK-1: only a certificate with exactly one node name names a node', () => {
  const named = (subjectaltname: string | undefined): string | undefined =>
    nodeNameOf(subjectaltname === undefined ? {} : { subjectaltname });
  assert.equal(named('URI:treecast:node:a'), 'a');
  assert.equal(named('DNS:x, URI:treecast:node:a'), 'a');
  for (const text of [
    undefined,
    'URI:treecast:ccm',
    'DNS:treecast:node:a',
    'URI:treecast:node:a, URI:treecast:node:b',
    'URI:treecast:node:../a',
    'URI:"treecast:node:a, URI:treecast:node:b"',
  ]) {
    assert.equal(named(text), undefined);
  }
});

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}
