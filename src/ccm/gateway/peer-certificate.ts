// Who is at the other end of a TLS connection on the agents' port, by a certificate that one of the CCM's authorities signed.
// Expiry is not looked at here: an expired certificate may still renew (KEYS-5).

import type { KeyObject, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { certificateEarlyMs } from '../../net/tls/certificate-life.ts';
import { nodeNameOf } from '../../net/tls/certificate-names.ts';
import { fingerprintOf } from '../../net/tls/fingerprint.ts';
import type { NodeCertificate } from './node-authority.ts';

export interface Peer {
  readonly node: string;
  readonly certificate: NodeCertificate;
  /** The node's key, which signs its receipts. */
  readonly publicKey: KeyObject;
}

/** Undefined without a certificate, with one of another authority, and with one that names no node. */
export function peerOf(socket: TLSSocket, authorities: readonly X509Certificate[]): Peer | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate && holderOf(certificate, authorities);
}

/** As {@link peerOf}; that the holder has its key was, or is yet to be, shown. */
export function holderOf(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): Peer | undefined {
  const node = nodeNameOf({ subjectaltname: certificate.subjectAltName });
  const signer = authorities.find(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
  if (node === undefined || signer === undefined) return undefined;
  return {
    node,
    certificate: {
      serial: certificate.serialNumber.toLowerCase(),
      fingerprint: fingerprintOf(certificate.raw),
      authority: fingerprintOf(signer.raw),
      issuedAt: Date.parse(certificate.validFrom) + certificateEarlyMs,
      expiresAt: Date.parse(certificate.validTo),
    },
    publicKey: certificate.publicKey,
  };
}
