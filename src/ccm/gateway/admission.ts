// Who may do what on the agents' port, by the certificate shown (LINK-10, KEYS-5 to KEYS-7), and the sockets of each node,
// which end when it is turned away.

import type { TLSSocket } from 'node:tls';
import type { ErrorCode } from '../../model/error-codes.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CertificateAuthority } from '../../net/tls/certificate-authority.ts';
import type { CertificateStanding, NodeAuthority } from './node-authority.ts';
import { type Peer, peerOf } from './peer-certificate.ts';

export interface Admission {
  /** Throws CERTIFICATE_INVALID, CERTIFICATE_EXPIRED or NODE_REMOVED unless the peer is a node that may be here. */
  admit(socket: TLSSocket): Promise<Peer>;
  /** As {@link admit}; an expired certificate will do for a while. */
  admitForRenewal(socket: TLSSocket): Promise<Peer>;
  /** The node that the peer's certificate names, whatever it is worth. */
  nodeOf(socket: TLSSocket): string | null;
  /** It became a link, which ends on its own terms. */
  upgraded(node: string, socket: TLSSocket): void;
  /** Cuts off the node's requests, whatever they are about. */
  cutOff(node: string): void;
}

export function createAdmission(
  certificates: Pick<CertificateAuthority, 'believed'>,
  authority: Pick<NodeAuthority, 'standing'>,
  /** The connection is a node's. */
  onAdmitted: (socket: TLSSocket) => void,
): Admission {
  const sockets = new Map<string, Set<TLSSocket>>();

  function remember(node: string, socket: TLSSocket): void {
    const own = sockets.get(node) ?? new Set();
    if (own.has(socket)) return;
    sockets.set(node, own.add(socket));
    socket.once('close', () => {
      own.delete(socket);
      if (own.size === 0 && sockets.get(node) === own) sockets.delete(node);
    });
  }

  async function admit(socket: TLSSocket, forRenewal: boolean): Promise<Peer> {
    const peer = peerOf(socket, certificates.believed);
    if (peer === undefined) {
      throw new TreecastError('CERTIFICATE_INVALID', 'The client showed no certificate of this CCM’s CA.', {
        fix: 'Join the node with `treecast agent join`.',
      });
    }
    // Known before it is judged: a removal that comes between ends it too.
    if (!socket.destroyed) remember(peer.node, socket);
    const standing = await authority.standing(peer.node, peer.certificate);
    if (standing !== 'good' && (standing !== 'expired' || !forRenewal)) throw refusalOf(peer.node, standing);
    onAdmitted(socket);
    return peer;
  }

  return {
    admit: (socket) => admit(socket, false),
    admitForRenewal: (socket) => admit(socket, true),
    nodeOf: (socket) => peerOf(socket, certificates.believed)?.node ?? null,
    upgraded(node, socket) {
      sockets.get(node)?.delete(socket);
    },
    cutOff(node) {
      for (const socket of sockets.get(node) ?? []) socket.destroy();
    },
  };
}

const refusals: Readonly<
  Record<Exclude<CertificateStanding, 'good'>, readonly [code: ErrorCode, what: string, fix: string]>
> = {
  expired: [
    'CERTIFICATE_EXPIRED',
    'the certificate of node NODE has expired',
    'The agent renews it by itself; check the clocks of both machines if this stays.',
  ],
  dead: [
    'CERTIFICATE_EXPIRED',
    'the certificate of node NODE expired too long ago to be renewed',
    'Remove the node (treecast node remove NODE), then join it again with a new token.',
  ],
  replaced: [
    'CERTIFICATE_INVALID',
    'this certificate of node NODE was replaced by a newer one',
    'Run one agent a node; one from a copied or restored state directory joins again under another name.',
  ],
  removed: [
    'NODE_REMOVED',
    'node NODE was removed',
    'Join it again with a new token, if it is to come back.',
  ],
  unknown: [
    'CERTIFICATE_INVALID',
    'node NODE is not registered with this certificate: it was removed long ago, or the CCM’s database is older than its joining',
    'Join the node again with a new token, in the same directory: what it serves stays.',
  ],
};

export function refusalOf(node: string, standing: Exclude<CertificateStanding, 'good'>): TreecastError {
  const [code, what, fix] = refusals[standing];
  const message = `The CCM turns this agent away: ${what.replace('NODE', node)}.`;
  return new TreecastError(code, message, { fix: fix.replace('NODE', node), data: { node } });
}
