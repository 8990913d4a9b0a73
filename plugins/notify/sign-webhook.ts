// Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, version v1.

import { createHmac } from 'node:crypto';

const prefix = 'whsec_';
const keyBytesMin = 24;

/** `whsec_` and base64, or the text itself. Undefined when it is too short to protect anything, or no base64. */
export function signingKey(secret: string): Buffer | undefined {
  const encoded = secret.startsWith(prefix);
  if (encoded && !/^[A-Za-z0-9+/]+={0,2}$/.test(secret.slice(prefix.length))) return undefined;
  const key = encoded ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret);
  return key.length < keyBytesMin ? undefined : key;
}

/** The value of `webhook-signature`: one signature for every key, so that receivers can change theirs when they like. */
export function webhookSignature(
  keys: readonly Buffer[],
  { id, timestampS, body }: { readonly id: string; readonly timestampS: number; readonly body: string },
): string {
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`)
    .join(' ');
}
