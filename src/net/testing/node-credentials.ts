// What a node holds after it joined, straight from a certificate authority.

import type { KeyObject } from 'node:crypto';
import type { CertificateAuthority, TlsIdentity } from '../tls/certificate-authority.ts';
import { exportPrivateKey, generatePrivateKey } from '../tls/key-pair.ts';
import { createSigningRequest } from '../tls/signing-request.ts';

export interface NodeCredentials {
  readonly node: string;
  readonly key: KeyObject;
  readonly identity: TlsIdentity;
  readonly serial: string;
}

export async function issueNodeCredentials(
  authority: CertificateAuthority,
  node: string,
): Promise<NodeCredentials> {
  const key = generatePrivateKey();
  const request = await createSigningRequest(key, node);
  const { certificate, serial } = await authority.issueNodeCertificate(request, node);
  return { node, key, identity: { key: exportPrivateKey(key), certificate }, serial };
}
