// The text of a join token: `tcj_` and base64url of JSON with the CCM's agent URL, the secret and the CA's fingerprint.
// Whether the secret is still good is the CCM's to say.

import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';

export interface JoinToken {
  /** Origin of the CCM's agents' port, `https://host:port`. */
  readonly url: string;
  /** One use. */
  readonly secret: string;
  /** SHA-256 of the CA certificate's DER, 64 hex digits. */
  readonly fingerprint: string;
}

const prefix = 'tcj_';
const charactersMax = 2_048;

const bodySchema = z.strictObject({
  u: z.string().max(512).refine(isOrigin),
  s: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/),
  f: z.string().regex(/^[0-9a-f]{64}$/),
});

export function formatJoinToken({ url, secret, fingerprint }: JoinToken): string {
  return `${prefix}${Buffer.from(JSON.stringify({ u: url, s: secret, f: fingerprint })).toString('base64url')}`;
}

/** Throws JOIN_TOKEN_INVALID. White space around the text is ignored. */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim();
  if (trimmed.length > charactersMax || !trimmed.startsWith(prefix)) throw refused();
  const encoded = trimmed.slice(prefix.length);
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) throw refused();
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
  } catch (cause) {
    throw refused(cause);
  }
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) throw refused(parsed.error);
  return { url: parsed.data.u, secret: parsed.data.s, fingerprint: parsed.data.f };
}

/** An https origin with nothing behind it, spelled as URL prints it. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && text.startsWith('https://') && new URL(text).origin === text;
}

function refused(cause?: unknown): TreecastError {
  return new TreecastError('JOIN_TOKEN_INVALID', 'The text is not a join token.', {
    cause,
    fix: 'Copy the whole token (it begins with tcj_) as printed, or make a new one with `treecast node join-token`.',
  });
}
