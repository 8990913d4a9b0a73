// CHAN-6: the certificates that are believed, by fingerprint: signed by one of the CCM's authorities for exactly one node, and not revoked.
// Their dates are not looked at: that would be a wall clock's verdict.

import { type KeyObject, X509Certificate } from 'node:crypto';
import { nodeNameOf } from '../../tls/certificate-names.ts';
import { fingerprintOf } from '../../tls/fingerprint.ts';
import { splitCertificates } from '../../tls/split-certificates.ts';

export interface KnownCertificate {
  readonly fingerprint: string;
  readonly node: string;
  readonly key: KeyObject;
}

export interface CertificateBook {
  /** Undefined when it is not known, or revoked. */
  of(fingerprint: string): KnownCertificate | undefined;
  isRevoked(fingerprint: string): boolean;
  /** Known from now on, if it may be believed. */
  learn(der: Uint8Array): KnownCertificate | 'stranger' | 'revoked';
  /** PEM, one after another. Certificates of others are forgotten. */
  believe(authorities: string): void;
  revoke(fingerprints: readonly string[]): void;
}

const knownMax = 4_096;

export function createCertificateBook(authorities: string): CertificateBook {
  /** The longest unused one first. */
  const known = new Map<string, KnownCertificate>();
  let revoked: ReadonlySet<string> = new Set();
  let believed = authoritiesIn(authorities);
  let text = authorities;

  return {
    of(fingerprint) {
      const certificate = known.get(fingerprint);
      if (certificate === undefined) return undefined;
      known.delete(fingerprint);
      known.set(fingerprint, certificate);
      return certificate;
    },
    isRevoked: (fingerprint) => revoked.has(fingerprint),
    learn(der) {
      const fingerprint = fingerprintOf(der);
      if (revoked.has(fingerprint)) return 'revoked';
      const before = known.get(fingerprint);
      if (before !== undefined) return before;
      const certificate = readCertificate(der);
      const node =
        certificate === undefined ? undefined : nodeNameOf({ subjectaltname: certificate.subjectAltName });
      if (certificate === undefined || node === undefined) return 'stranger';
      if (certificate.publicKey.asymmetricKeyType !== 'ed25519') return 'stranger';
      if (!believed.some((key) => certificate.verify(key))) return 'stranger';
      const learned = { fingerprint, node, key: certificate.publicKey };
      known.set(fingerprint, learned);
      if (known.size > knownMax) known.delete(known.keys().next().value as string);
      return learned;
    },
    believe(next) {
      if (next === text) return;
      text = next;
      believed = authoritiesIn(next);
      known.clear();
    },
    revoke(fingerprints) {
      revoked = new Set(fingerprints);
      for (const fingerprint of fingerprints) known.delete(fingerprint);
    },
  };
}

function authoritiesIn(pem: string): KeyObject[] {
  return splitCertificates(pem).map((certificate) => new X509Certificate(certificate).publicKey);
}

function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    // Bytes behind the certificate would give it a second fingerprint.
    return certificate.raw.equals(der) ? certificate : undefined;
  } catch {
    return undefined;
  }
}
