// What the agents' port asks of the CCM about nodes. Implemented by the registry.

import type { CertificateStanding, NodeCertificate } from '../registry/node-certificate-registry.ts';

export type { CertificateStanding, NodeCertificate };

export interface JoinAuthority {
  /** Would the secret be accepted now, for this node? Throws JOIN_TOKEN_INVALID. */
  check(secret: string, node: string): void;
  /**
   * Uses a join token's secret up and registers the node with this certificate, in one transaction; once more for the same node and key
   * (SHA-256 of its SPKI), whose answer may have been lost.
   * Throws JOIN_TOKEN_INVALID (unknown, used or expired), FORBIDDEN or ALREADY_EXISTS (the name is not for this token).
   */
  redeem(secret: string, node: string, certificate: NodeCertificate, keyHash: string): Promise<void>;
}

export interface NodeAuthority extends JoinAuthority {
  /** What this certificate, which the CCM's authority signed for `node`, is worth now. */
  standing(node: string, certificate: NodeCertificate): Promise<CertificateStanding>;
  /** Records a certificate that the holder of `by` (good, or expired) asked for, before it is handed out. */
  renew(node: string, by: NodeCertificate, certificate: NodeCertificate): Promise<void>;
}
