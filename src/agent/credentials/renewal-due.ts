// KEYS-3: when a node asks for its next certificate.

import { X509Certificate } from 'node:crypto';
import { certificateEarlyMs } from '../../net/tls/certificate-life.ts';
import { splitCertificates } from '../../net/tls/split-certificates.ts';

/** Why, in a few words for the log; undefined while nothing is due. `ca` has the believed authorities, newest first. */
export function renewalDue(
  { certificate, ca }: { readonly certificate: string; readonly ca: string },
  now: number,
): string | undefined {
  const own = new X509Certificate(certificate);
  const [newest] = splitCertificates(ca);
  if (newest !== undefined && !own.verify(new X509Certificate(newest).publicKey)) {
    return 'the CCM has a new certificate authority';
  }
  const issuedAt = Date.parse(own.validFrom) + certificateEarlyMs;
  const expiresAt = Date.parse(own.validTo);
  return expiresAt - now < (expiresAt - issuedAt) / 3 ? 'a third of its time is left' : undefined;
}
