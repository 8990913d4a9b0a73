// Brings another leader its hand-out (TREE-51): `POST /hand-outs` on its segment port.

import { request } from 'node:https';
import type { NextLeader } from '../../model/tree-messages.ts';
import { connectDirectly } from '../../net/dial/ccm-dialer.ts';
import { createDialingAgent } from '../../net/dial/dialing-agent.ts';
import { urlAuthority } from '../../net/http/listen-address.ts';
import { nodeConnectionOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import { handOutsPath } from './hand-out-endpoint.ts';

const connectTimeoutMs = 3_000;
const answerTimeoutMs = 5_000;

/** Whoever answers that it does not take it refuses; everything else is that it cannot be reached. */
export async function notifyLeader(
  { node, address, port, handOut }: NextLeader,
  { credentials, signal }: { readonly credentials: TlsCredentials; readonly signal: AbortSignal },
): Promise<'accepted' | 'unreachable' | 'refused'> {
  const body = Buffer.from(JSON.stringify({ handOut }));
  const agent = createDialingAgent(
    async (host, to) => {
      const socket = await connectDirectly({ address: host, port: to }, connectTimeoutMs);
      late = setTimeout(() => outgoing.destroy(new Error('no answer in time')), answerTimeoutMs);
      return socket;
    },
    nodeConnectionOptions(credentials, node),
  );
  let late: NodeJS.Timeout | undefined;
  const outgoing = request(`https://${urlAuthority({ host: address, port })}${handOutsPath}`, {
    method: 'POST',
    agent,
    signal,
    headers: { 'content-type': 'application/json', 'content-length': body.length },
  });
  try {
    const status = await new Promise<number>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        response.on('error', () => undefined);
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      outgoing.end(body);
    });
    if (status >= 200 && status < 300) return 'accepted';
    // Too much at once passes by itself.
    return status >= 400 && status < 500 && status !== 429 ? 'refused' : 'unreachable';
  } catch {
    return 'unreachable';
  } finally {
    clearTimeout(late);
    agent.destroy();
  }
}
