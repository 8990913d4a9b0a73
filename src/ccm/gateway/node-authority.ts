// What the agents' port asks of the CCM about nodes. Implemented by the registry and the core.

/** What a node's certificate is known by; both lower-case hex. */
export interface NodeCertificate {
  readonly serial: string;
  /** SHA-256 of the DER. */
  readonly fingerprint: string;
}

export interface JoinAuthority {
  /** Would the secret be accepted now? Throws JOIN_TOKEN_INVALID. */
  check(secret: string): void;
  /**
   * Uses a join token's secret up and registers the node with this certificate, in one transaction.
   * Throws JOIN_TOKEN_INVALID (unknown, used or expired), FORBIDDEN or ALREADY_EXISTS (the name is not for this token).
   */
  redeem(secret: string, node: string, certificate: NodeCertificate): Promise<void>;
}

export interface NodeAuthority extends JoinAuthority {
  /** Whether this certificate, which the CA signed for `node`, is still the node's; false for removed and unknown nodes. */
  admits(node: string, certificate: NodeCertificate): Promise<boolean>;
}
