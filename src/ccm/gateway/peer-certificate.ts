// Who is at the other end of a TLS connection on the agents' port.

import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { nodeNameOf } from '../../net/tls/certificate-names.ts';
import type { NodeCertificate } from './node-authority.ts';

export interface Peer {
  readonly node: string;
  readonly certificate: NodeCertificate;
  /** The node's key, which signs its receipts. */
  readonly publicKey: () => KeyObject | undefined;
}

/** Undefined without a certificate, with one of another authority or out of its time, and with one that names no node. */
export function peerOf(socket: TLSSocket): Peer | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const node = nodeNameOf(certificate);
  if (node === undefined) return undefined;
  return {
    node,
    certificate: {
      serial: certificate.serialNumber.toLowerCase(),
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    },
    publicKey: () => socket.getPeerX509Certificate()?.publicKey,
  };
}
