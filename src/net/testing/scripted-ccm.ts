// An HTTPS server with a CCM's certificate, whose answers are the test's: for clients of the agents' port.

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type CertificateAuthority, createCertificateAuthority } from '../tls/certificate-authority.ts';
import { secureContextOptions } from '../tls/tls-settings.ts';
import { issueNodeCredentials, type NodeCredentials } from './node-credentials.ts';
import { type TestScope, temporaryDirectory } from './temporary-directory.ts';

export interface ScriptedCcm {
  readonly url: string;
  readonly server: Server;
  readonly certificates: CertificateAuthority;
  /** Of the node web-1. */
  readonly credentials: NodeCredentials;
  /** Every connection so far. */
  readonly sockets: WebSocket[];
}

export interface ScriptedCcmOptions {
  readonly onRequest?: RequestListener;
  readonly onSocket?: (socket: WebSocket, index: number) => void;
}

export async function runScriptedCcm(t: TestScope, options: ScriptedCcmOptions): Promise<ScriptedCcm> {
  const certificates = await createCertificateAuthority(temporaryDirectory(t));
  const identity = await certificates.issueServerIdentity(['127.0.0.1']);
  const server = createServer(
    {
      ...secureContextOptions({ identity, ca: certificates.certificate }),
      requestCert: true,
      rejectUnauthorized: true,
    },
    options.onRequest,
  );
  const sockets: WebSocket[] = [];
  const upgrades = new WebSocketServer({ server, perMessageDeflate: false });
  upgrades.on('connection', (socket) => {
    sockets.push(socket);
    options.onSocket?.(socket, sockets.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    certificates,
    credentials: await issueNodeCredentials(certificates, 'web-1'),
    sockets,
  };
}
