// The CCM's private certificate authority (Ed25519): kept in a directory, issues certificates to nodes and to the CCM.
// Who may have one, and whose certificate was revoked, is decided elsewhere.

import 'reflect-metadata';
import { type KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../atomic-file.ts';
import { readIfThere } from '../read-if-there.ts';
import { authorityLifeMs, certificateEarlyMs, certificateLifeMsDefault } from './certificate-life.ts';
import { ccmUri, nodeUri } from './certificate-names.ts';
import { fingerprintOf } from './fingerprint.ts';
import { ed25519, exportPrivateKey, generatePrivateKey, importPrivateKey, webKeyPair } from './key-pair.ts';
import { verifySigningRequest } from './signing-request.ts';

export interface TlsIdentity {
  /** PEM. */
  readonly key: string;
  /** PEM: the certificate, followed by the authority's. */
  readonly certificate: string;
}

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** Lower-case hex, as the others. */
  readonly serial: string;
  /** SHA-256 of its DER. */
  readonly fingerprint: string;
  /** Fingerprint of the authority that signed it. */
  readonly authority: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of the certificate's DER, 64 lower-case hex digits: what join tokens carry. */
  readonly fingerprint: string;
  /** Those whose certificates of nodes are accepted: this one, and with the CCM's keys also those before it. */
  readonly believed: readonly X509Certificate[];
  /**
   * For a PKCS#10 request (PEM) whose key was proven and whose common name is `node`. Throws CERTIFICATE_INVALID.
   * The serial is lower-case hex, and unlike any other this authority has issued.
   */
  issueNodeCertificate(request: string, node: string): Promise<IssuedCertificate>;
  /** A new key and certificate for the CCM's own server; `hosts` are names or addresses it is reached by. */
  issueServerIdentity(hosts: readonly string[]): Promise<TlsIdentity>;
}

export interface AuthorityOptions {
  /** What certificates last that are issued from now on. */
  readonly certificateLifeMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Opens the authority kept in `directory`, or makes it there (key 0600). */
export async function createCertificateAuthority(
  directory: string,
  options: AuthorityOptions = {},
): Promise<CertificateAuthority> {
  const { certificateLifeMs = certificateLifeMsDefault, now = Date.now } = options;
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  const key = await openKey(join(directory, 'ca-key.pem'));
  const keys = webKeyPair(key);
  const authority = await openCertificate(join(directory, 'ca.pem'), key, keys);
  const certificate = authority.toString('pem');
  const fingerprint = fingerprintOf(new Uint8Array(authority.rawData));

  async function issue(
    publicKey: x509.PublicKey | webcrypto.CryptoKey,
    commonName: string,
    names: x509.JsonGeneralNames,
    notBefore: Date,
  ): Promise<IssuedCertificate> {
    const serial = newSerial();
    const issuedAt = now();
    const notAfter = wholeSeconds(Math.min(issuedAt + certificateLifeMs, authority.notAfter.getTime()));
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: [{ CN: [commonName] }],
      issuer: authority.subjectName,
      notBefore,
      notAfter,
      signingAlgorithm: ed25519,
      signingKey: keys.privateKey,
      publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(names),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return {
      certificate: issued.toString('pem'),
      serial,
      fingerprint: fingerprintOf(new Uint8Array(issued.rawData)),
      authority: fingerprint,
      issuedAt,
      expiresAt: notAfter.getTime(),
    };
  }

  return {
    certificate,
    fingerprint,
    believed: [new X509Certificate(certificate)],
    async issueNodeCertificate(request, node) {
      const publicKey = await verifySigningRequest(request, node);
      return issue(
        publicKey,
        node,
        [{ type: 'url', value: nodeUri(node) }],
        new Date(now() - certificateEarlyMs),
      );
    },
    async issueServerIdentity(hosts) {
      const serverKey = generatePrivateKey();
      const names: x509.JsonGeneralNames = hosts.map((host) =>
        isIP(host) === 0 ? { type: 'dns', value: host } : { type: 'ip', value: host },
      );
      const { publicKey } = webKeyPair(serverKey);
      // KEYS-12: as old as its authority, so that a node's clock may be slow by more than a week.
      const issued = await issue(
        publicKey,
        'ccm',
        [{ type: 'url', value: ccmUri }, ...names],
        authority.notBefore,
      );
      return {
        key: exportPrivateKey(serverKey),
        certificate: `${issued.certificate}\n${certificate}\n`,
      };
    },
  };
}

async function openKey(path: string): Promise<KeyObject> {
  const pem = await readIfThere(path);
  if (pem !== undefined) return importPrivateKey(pem, path);
  const key = generatePrivateKey();
  await writeFileAtomic(path, exportPrivateKey(key), 0o600);
  failpoint('ccm.keys.authority-key-written');
  return key;
}

async function openCertificate(
  path: string,
  key: KeyObject,
  keys: webcrypto.CryptoKeyPair,
): Promise<x509.X509Certificate> {
  const pem = await readIfThere(path);
  if (pem === undefined) {
    const made = await selfSign(keys);
    await writeFileAtomic(path, made.toString('pem'), 0o600);
    failpoint('ccm.keys.authority-written');
    return made;
  }
  try {
    if (new X509Certificate(pem).checkPrivateKey(key)) return new x509.X509Certificate(pem);
  } catch (cause) {
    throw corrupt(path, cause);
  }
  throw corrupt(path);
}

function corrupt(path: string, cause?: unknown): TreecastError {
  return new TreecastError('STATE_CORRUPT', `${path} is not the certificate of the authority's key.`, {
    cause,
    fix: 'Restore ca.pem and ca-key.pem together from a backup; a new authority would lock out every node.',
  });
}

async function selfSign(keys: webcrypto.CryptoKeyPair): Promise<x509.X509Certificate> {
  const subject = [{ CN: [`Treecast CA ${randomBytes(4).toString('hex')}`] }];
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: subject,
    notBefore: new Date(Date.now() - certificateEarlyMs),
    notAfter: new Date(Date.now() + authorityLifeMs),
    signingAlgorithm: ed25519,
    signingKey: keys.privateKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

/** As certificates count. */
function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

/** Positive, 16 bytes, and without a leading zero digit, so that every program prints it the same. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
