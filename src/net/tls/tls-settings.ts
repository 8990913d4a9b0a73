// TLS as Treecast's own ports and clients speak it: 1.3 only, certificates of the private CA, names in URIs.

import type { ConnectionOptions, SecureContextOptions } from 'node:tls';
import type { TlsIdentity } from './certificate-authority.ts';
import { checkCcmIdentity, checkNodeIdentity } from './certificate-names.ts';

/** What one end shows, and whom it believes. */
export interface TlsCredentials {
  readonly identity: TlsIdentity;
  /** The only authorities that are believed: PEM, one after another. */
  readonly ca: string;
}

/** For a server or a client that has an identity. */
export function secureContextOptions({ identity, ca }: TlsCredentials): SecureContextOptions {
  return { key: identity.key, cert: identity.certificate, ca, minVersion: 'TLSv1.3' };
}

type CheckedConnectionOptions = SecureContextOptions &
  Pick<ConnectionOptions, 'rejectUnauthorized' | 'checkServerIdentity'>;

/** For connections of a node to another one's segment port. */
export function nodeConnectionOptions(credentials: TlsCredentials, node: string): CheckedConnectionOptions {
  return {
    ...secureContextOptions(credentials),
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkNodeIdentity(node, certificate),
  };
}

/** For connections of a node to the CCM. */
export function ccmConnectionOptions(credentials: TlsCredentials): CheckedConnectionOptions {
  return {
    ...secureContextOptions(credentials),
    rejectUnauthorized: true,
    checkServerIdentity: checkCcmIdentity,
  };
}
