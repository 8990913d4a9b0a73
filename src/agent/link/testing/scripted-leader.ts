// A leader's end of its members' connections, whose answers are the test's: mutual TLS, one node's certificate, JSON messages.

import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { LeaderToMember, MemberToLeader } from '../../../net/relay/member-messages.ts';
import { memberPath } from '../../../net/relay/member-messages.ts';
import { memberToLeaderSchema } from '../../../net/relay/member-schemas.ts';
import { issueNodeCredentials } from '../../../net/testing/node-credentials.ts';
import type { TestScope } from '../../../net/testing/temporary-directory.ts';
import type { CertificateAuthority } from '../../../net/tls/certificate-authority.ts';
import { secureContextOptions } from '../../../net/tls/tls-settings.ts';
import type { LeaderPlace } from '../way-chooser.ts';

export interface ScriptedLeader {
  readonly place: LeaderPlace;
  /** All that members said, in order. */
  readonly heard: MemberToLeader[];
  /** Every connection so far. */
  readonly sockets: WebSocket[];
  /** To the newest connection. */
  say(message: LeaderToMember): void;
  stop(): void;
}

export interface ScriptedLeaderOptions {
  readonly onMember?: (say: ScriptedLeader['say']) => void;
  readonly onMessage?: (message: MemberToLeader, say: ScriptedLeader['say']) => void;
  readonly onRequest?: RequestListener;
}

export async function runScriptedLeader(
  t: TestScope,
  authority: CertificateAuthority,
  node: string,
  options: ScriptedLeaderOptions = {},
): Promise<ScriptedLeader> {
  const { identity } = await issueNodeCredentials(authority, node);
  const server = createServer(
    {
      ...secureContextOptions({ identity, ca: authority.certificate }),
      requestCert: true,
      rejectUnauthorized: true,
    },
    options.onRequest,
  );
  const sockets: WebSocket[] = [];
  const heard: MemberToLeader[] = [];
  const upgrades = new WebSocketServer({ server, path: memberPath, perMessageDeflate: false });
  upgrades.on('connection', (socket: WebSocket, _request: IncomingMessage) => {
    sockets.push(socket);
    const say = (message: LeaderToMember): void => socket.send(JSON.stringify(message));
    socket.on('message', (data) => {
      const message = memberToLeaderSchema.parse(JSON.parse(String(data)));
      heard.push(message);
      options.onMessage?.(message, say);
    });
    options.onMember?.(say);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = (): void => {
    for (const socket of sockets) socket.terminate();
    server.close();
    server.closeAllConnections();
  };
  t.after(stop);
  return {
    place: { node, address: '127.0.0.1', port },
    heard,
    sockets,
    say: (message) => sockets.at(-1)?.send(JSON.stringify(message)),
    stop,
  };
}
