// The names in Treecast's certificates: subject alternative name URIs `treecast:ccm` and `treecast:node:<name>`.
// Peers are known by these names and never by host names; which names may do what is the caller's decision.

import { namePattern } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export const ccmUri = 'treecast:ccm';

const nodeUriPrefix = 'treecast:node:';

export function nodeUri(node: string): string {
  return `${nodeUriPrefix}${node}`;
}

/** What is read of a certificate as `tls` gives it. */
interface NamedCertificate {
  readonly subjectaltname?: string | undefined;
}

/** The node a verified certificate names; undefined when it names none, or more than one. */
export function nodeNameOf(certificate: NamedCertificate): string | undefined {
  const names = uris(certificate).filter((uri) => uri.startsWith(nodeUriPrefix));
  const name = names.length === 1 ? names[0]?.slice(nodeUriPrefix.length) : undefined;
  return name !== undefined && namePattern.test(name) ? name : undefined;
}

/** For `checkServerIdentity`: the peer must be the CCM, under whatever host name or address it was reached. */
export function checkCcmIdentity(_host: string, certificate: NamedCertificate): Error | undefined {
  if (uris(certificate).includes(ccmUri)) return undefined;
  return new TreecastError('CERTIFICATE_INVALID', `The server's certificate does not name ${ccmUri}.`, {
    fix: 'Check that the CCM URL is the address of the CCM and its agents’ port.',
  });
}

/** As {@link checkCcmIdentity}, for one node. */
export function checkNodeIdentity(node: string, certificate: NamedCertificate): Error | undefined {
  if (nodeNameOf(certificate) === node) return undefined;
  return new TreecastError('CERTIFICATE_INVALID', `The server's certificate is not that of node ${node}.`, {
    fix: 'Nothing: another node is at this address now, and the segment will say who.',
  });
}

/**
 * Node prints alternative names as `URI:a, DNS:b` and quotes a name that holds a comma or quote, so a name with either
 * never equals one of ours.
 */
function uris(certificate: NamedCertificate): string[] {
  return (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
}
