// Credentials of a node of another CCM, as a child's options.

import { issueNodeCredentials } from '../../src/net/testing/node-credentials.ts';
import type { CertificateAuthority } from '../../src/net/tls/certificate-authority.ts';

export async function identityOf(
  authority: CertificateAuthority,
  node: string,
): Promise<{ readonly key: string; readonly certificate: string; readonly authorities: string }> {
  const { identity } = await issueNodeCredentials(authority, node);
  return { key: identity.key, certificate: identity.certificate, authorities: authority.certificate };
}
