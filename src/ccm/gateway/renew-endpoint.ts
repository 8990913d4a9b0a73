// POST /renew: a node that shows a certificate of its own gets the next one, for a new key (KEYS-3, KEYS-5).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { readJson } from '../../net/http/read-json.ts';
import { sendJson } from '../../net/http/send-error.ts';
import { parseMessage } from '../../net/link/parse-message.ts';
import type { CertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { signingRequestCharactersMax } from '../../net/tls/signing-request.ts';
import type { NodeAuthority } from './node-authority.ts';
import type { Peer } from './peer-certificate.ts';

const bodyBytesMax = 8_192;

const bodySchema = z.strictObject({
  version: z.literal(1),
  request: z.string().max(signingRequestCharactersMax),
});

export interface RenewEndpointOptions {
  readonly certificates: CertificateAuthority;
  readonly authority: Pick<NodeAuthority, 'renew'>;
}

/** Answers a peer whose certificate may renew. */
export type RenewEndpoint = (request: IncomingMessage, response: ServerResponse, peer: Peer) => Promise<void>;

export function createRenewEndpoint({ certificates, authority }: RenewEndpointOptions): RenewEndpoint {
  return async (request, response, { node, certificate }) => {
    const body = parseMessage(await readJson(request, bodyBytesMax), bodySchema);
    const { certificate: pem, ...facts } = await certificates.issueNodeCertificate(body.request, node);
    await authority.renew(node, certificate, facts);
    sendJson(response, 200, { certificate: pem, ca: certificates.certificate });
  };
}
