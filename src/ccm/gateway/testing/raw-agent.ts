// An agent's WebSocket without an agent: what it sends is the test's, word for word.

import { once } from 'node:events';
import WebSocket, { type ClientOptions } from 'ws';
import type { Hello } from '../../../model/messages.ts';
import type { NodeCredentials } from '../../../net/testing/node-credentials.ts';
import type { TlsIdentity } from '../../../net/tls/certificate-authority.ts';
import { ccmConnectionOptions } from '../../../net/tls/tls-settings.ts';
import type { RunningGateway } from './running-gateway.ts';

export interface RawAgent {
  readonly socket: WebSocket;
  /** Everything received, parsed. */
  readonly received: { readonly type: string; readonly error?: { readonly code: string } }[];
  /** Code and reason of the close. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  say(value: unknown): void;
}

export function helloOf(node: string, more: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    protocols: [1],
    agentVersion: '0.0.0',
    node,
    profiles: ['linux-web-1'],
    url: null,
    labels: {},
    freeBytes: 1,
    freeInodes: 1,
    sites: [],
    ...more,
  };
}

/** Connected, and silent so far. Rejects when the upgrade was refused. */
export async function connectRawAgent(
  { url, certificates }: RunningGateway,
  identity: TlsIdentity | undefined,
  options: ClientOptions = {},
): Promise<RawAgent> {
  const tls = ccmConnectionOptions({
    identity: identity ?? { key: '', certificate: '' },
    ca: certificates.certificate,
  }) as unknown as ClientOptions;
  const { key: _, cert: __, ...anonymous } = tls;
  const socket = new WebSocket(`${url.replace('https', 'wss')}/agent`, {
    ...(identity === undefined ? anonymous : tls),
    perMessageDeflate: false,
    ...options,
  });
  const received: RawAgent['received'] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data))));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  socket.on('error', () => undefined);
  return { socket, received, closed, say: (value) => socket.send(JSON.stringify(value)) };
}

export async function connectGreeted(
  running: RunningGateway,
  { node, identity }: NodeCredentials,
): Promise<RawAgent> {
  const agent = await connectRawAgent(running, identity);
  agent.say(helloOf(node));
  await once(agent.socket, 'message');
  return agent;
}
