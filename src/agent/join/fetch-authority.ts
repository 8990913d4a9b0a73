// LINK-12: the CCM's CA certificate, believed only because its fingerprint is the join token's. Nothing secret is sent here.

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { TreecastError } from '../../model/treecast-error.ts';
import { connectDirectly, type Dial } from '../../net/dial/ccm-dialer.ts';
import { fingerprintOf } from '../../net/tls/fingerprint.ts';

const chainMax = 4;
const timeoutMs = 10_000;

/** PEM. Throws CA_FINGERPRINT_MISMATCH when the server shows another authority, CCM_UNREACHABLE when there is no server. */
export async function fetchAuthority(
  ccmUrl: string,
  fingerprint: string,
  dial: Dial = direct,
): Promise<string> {
  const shown = await shownCertificates(ccmUrl, dial);
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

const direct: Dial = (address, port) => connectDirectly({ address, port }, timeoutMs);

/** The chain as the server sends it, DER, not verified. */
async function shownCertificates(ccmUrl: string, dial: Dial): Promise<Buffer[]> {
  const { hostname, port } = new URL(ccmUrl);
  try {
    return await shownOver(await dial(hostname.replaceAll(/[[\]]/g, ''), port === '' ? 443 : Number(port)));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TreecastError('CCM_UNREACHABLE', `The CCM at ${ccmUrl} cannot be reached: ${why}.`, {
      cause,
      fix: 'Check that the CCM runs and that its agents’ port can be reached from here.',
    });
  }
}

function shownOver(socket: Socket): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, minVersion: 'TLSv1.3', rejectUnauthorized: false });
    const fail = (cause: Error): void => {
      secure.destroy();
      reject(cause);
    };
    secure.setTimeout(timeoutMs, () =>
      fail(new TreecastError('CCM_UNREACHABLE', 'it did not answer in time')),
    );
    secure.on('error', fail);
    secure.on('secureConnect', () => {
      resolve(chainOf(secure.getPeerCertificate(true)));
      secure.destroy();
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
