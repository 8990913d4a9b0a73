// LINK-12: the CCM's CA certificate, believed only because its fingerprint is the join token's. Nothing secret is sent here.

import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { TreecastError } from '../../model/treecast-error.ts';
import { fingerprintOf } from '../../net/tls/fingerprint.ts';

const chainMax = 4;
const timeoutMs = 10_000;

/** PEM. Throws CA_FINGERPRINT_MISMATCH when the server shows another authority, CCM_UNREACHABLE when there is no server. */
export async function fetchAuthority(ccmUrl: string, fingerprint: string): Promise<string> {
  const shown = await shownCertificates(ccmUrl);
  const authority = shown.find((certificate) => fingerprintOf(certificate) === fingerprint);
  if (authority !== undefined) return new X509Certificate(authority).toString();
  throw new TreecastError(
    'CA_FINGERPRINT_MISMATCH',
    `${ccmUrl} is not the CCM that made this join token: its certificate authority is another one.`,
    {
      fix: 'Make sure that the address leads to your CCM and nobody in between; then make a new token there.',
      data: { expected: fingerprint, shown: shown.map(fingerprintOf) },
    },
  );
}

/** The chain as the server sends it, DER, not verified. */
function shownCertificates(ccmUrl: string): Promise<Buffer[]> {
  const { hostname, port } = new URL(ccmUrl);
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: hostname.replaceAll(/[[\]]/g, ''),
      port: port === '' ? 443 : Number(port),
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false,
      timeout: timeoutMs,
    });
    const fail = (cause: Error): void => {
      socket.destroy();
      reject(
        new TreecastError('CCM_UNREACHABLE', `The CCM at ${ccmUrl} cannot be reached: ${cause.message}.`, {
          cause,
          fix: 'Check that the CCM runs and that its agents’ port can be reached from here.',
        }),
      );
    };
    socket.on('error', fail);
    socket.on('timeout', () => fail(new TreecastError('CCM_UNREACHABLE', 'it did not answer in time')));
    socket.on('secureConnect', () => {
      resolve(chainOf(socket.getPeerCertificate(true)));
      socket.destroy();
    });
  });
}

function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.raw !== undefined && chain.length < chainMax) {
    chain.push(certificate.raw);
    // A self-signed certificate names itself as its issuer.
    certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate;
  }
  return chain;
}
