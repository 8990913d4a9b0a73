// A receiver that checks Standard Webhooks signatures as its libraries do, on its own: tolerance of five minutes, constant time, any of
// several signatures; and that drops an id it has had.

import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

export interface WebhookReceiver extends StandInServer {
  /** Bodies, once for every id. */
  readonly received: Map<string, unknown>;
}

const toleranceS = 300;

/** `secret` as receivers write it: `whsec_` and base64. */
export async function startWebhookReceiver(secret: string): Promise<WebhookReceiver> {
  const received = new Map<string, unknown>();
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const standIn = await startStandIn((request) => receive(request, key, received));
  return { ...standIn, received };
}

function receive(request: StandInRequest, key: Buffer, received: Map<string, unknown>): StandInAnswer {
  const { headers, body } = request;
  const id = headers['webhook-id'];
  const at = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof at !== 'string' || typeof signatures !== 'string')
    return { status: 401, body: 'Missing required headers' };
  if (!/^\d+$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > toleranceS)
    return { status: 401, body: 'Message timestamp too old' };
  const expected = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest();
  const fits = signatures.split(' ').some((signature) => {
    const [version, value = ''] = signature.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) return { status: 401, body: 'No matching signature found' };
  received.set(id, JSON.parse(body));
  return { status: 204 };
}
