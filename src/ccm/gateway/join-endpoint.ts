// POST /join: a one-time secret and a certificate request in, the node's certificate out (LINK-12, LINK-13).

import { hash, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { readJson } from '../../net/http/read-json.ts';
import { sendJson } from '../../net/http/send-error.ts';
import { nameSchema } from '../../net/link/field-schemas.ts';
import { parseMessage } from '../../net/link/parse-message.ts';
import type { CertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { signingRequestCharactersMax } from '../../net/tls/signing-request.ts';
import { createFailedAttempts } from '../failed-attempts.ts';
import type { JoinAuthority } from './node-authority.ts';

const bodyBytesMax = 8_192;
/** The same secret, name and request get the same answer again for this long: the answer may have been lost. */
const answerKeptMs = 600_000;
const answersMax = 1_000;

const bodySchema = z.strictObject({
  version: z.literal(1),
  secret: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/),
  name: nameSchema,
  request: z.string().max(signingRequestCharactersMax),
});

interface JoinAnswer {
  readonly certificate: string;
  readonly ca: string;
}

export interface JoinEndpointOptions {
  readonly certificates: CertificateAuthority;
  readonly authority: JoinAuthority;
  readonly now: () => number;
  readonly onJoined: (node: string) => void;
}

export type JoinEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createJoinEndpoint({
  certificates,
  authority,
  now,
  onJoined,
}: JoinEndpointOptions): JoinEndpoint {
  const failedAttempts = createFailedAttempts();
  const answers = new Map<string, { readonly answer: JoinAnswer; readonly until: number }>();

  async function join(body: z.output<typeof bodySchema>): Promise<JoinAnswer> {
    // Looked up by hash, so the time it takes says nothing about the secret.
    const key = hash('sha256', JSON.stringify([body.secret, body.name, body.request]));
    const known = answers.get(key);
    if (known !== undefined && known.until > now()) return known.answer;
    // A wrong secret costs a look into the database, and no certificate.
    authority.check(body.secret, body.name);
    const { certificate, ...facts } = await certificates.issueNodeCertificate(body.request, body.name);
    const { publicKey } = new X509Certificate(certificate);
    const keyHash = hash('sha256', publicKey.export({ type: 'spki', format: 'der' }));
    await authority.redeem(body.secret, body.name, facts, keyHash);
    const answer = { certificate, ca: certificates.certificate };
    const oldest = answers.keys().next().value;
    if (answers.size >= answersMax && oldest !== undefined) answers.delete(oldest);
    answers.set(key, { answer, until: now() + answerKeptMs });
    onJoined(body.name);
    return answer;
  }

  return async (request, response) => {
    const { remoteAddress } = request.socket;
    try {
      const body = parseMessage(await readJson(request, bodyBytesMax), bodySchema);
      sendJson(response, 200, await join(body));
    } catch (error) {
      await failedAttempts.count(remoteAddress);
      throw error;
    }
  };
}
