// TLS as Treecast's own ports and clients speak it: 1.3 only, certificates of the private CA, names in URIs.

import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import type { TlsIdentity } from './certificate-authority.ts';
import { checkCcmIdentity } from './certificate-names.ts';

/** For a server or a client that has an identity; `ca` is the only authority trusted. */
export function secureContextOptions(identity: TlsIdentity, ca: string): SecureContextOptions {
  return { key: identity.key, cert: identity.certificate, ca, minVersion: 'TLSv1.3' };
}

/** For connections of a node to the CCM. */
export function ccmConnectionOptions(
  identity: TlsIdentity,
  ca: string,
): SecureContextOptions & Pick<ConnectionOptions, 'rejectUnauthorized' | 'checkServerIdentity'> {
  return {
    ...secureContextOptions(identity, ca),
    rejectUnauthorized: true,
    checkServerIdentity: checkCcmIdentity,
  };
}
