// A segment port's tunnel as tests need it: CONNECT over TLS, to wherever it is asked to lead.

import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CertificateAuthority } from '../tls/certificate-authority.ts';
import { secureContextOptions } from '../tls/tls-settings.ts';
import { issueNodeCredentials } from './node-credentials.ts';
import type { TestScope } from './temporary-directory.ts';

export interface ConnectProxy {
  readonly address: string;
  readonly port: number;
  /** Where it was asked to lead, in order. */
  readonly asked: string[];
  /** How often by somebody without a certificate. */
  readonly strangers: number;
  /** Whatever it is asked, to that port of this machine. */
  leadTo(port: number): void;
  /** Answers 502 from now on. */
  refuse(): void;
}

export async function runConnectProxy(
  t: TestScope,
  authority: CertificateAuthority,
  node: string,
): Promise<ConnectProxy> {
  const { identity } = await issueNodeCredentials(authority, node);
  const asked: string[] = [];
  const open = new Set<Socket>();
  let refuses = false;
  let leadsTo = 0;
  let strangers = 0;
  const server: Server = createServer({
    ...secureContextOptions({ identity, ca: authority.certificate }),
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    if ((request.socket as TLSSocket).getPeerX509Certificate() === undefined) strangers += 1;
    if (refuses) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const target = connect({ host: '127.0.0.1', port: leadsTo }, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(target);
      target.pipe(client);
    });
    target.on('error', () => client.destroy());
    client.on('error', () => target.destroy());
    client.on('close', () => target.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: '127.0.0.1',
    port,
    asked,
    get strangers() {
      return strangers;
    },
    leadTo(next) {
      leadsTo = next;
    },
    refuse() {
      refuses = true;
    },
  };
}
