// A connection to the CCM through another node's segment port, by CONNECT (LEAD-60). What travels inside is TLS with the CCM itself, so whoever
// opens the tunnel need not be believed, and is not.

import { request } from 'node:https';
import type { Socket } from 'node:net';
import { TreecastError } from '../../model/treecast-error.ts';
import { secureContextOptions, type TlsCredentials } from '../tls/tls-settings.ts';

export interface NetworkPlace {
  /** Of IPv6, link-local ones with their zone. */
  readonly address: string;
  readonly port: number;
}

export interface TunnelOptions {
  readonly via: NetworkPlace;
  readonly host: string;
  readonly port: number;
  /** Null: of a stranger, which a segment port lets through in small numbers. */
  readonly credentials: TlsCredentials | null;
  readonly timeoutMs: number;
}

/** Throws CCM_UNREACHABLE. */
export function openTunnel({ via, host, port, credentials, timeoutMs }: TunnelOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const outgoing = request({
      ...(credentials === null ? { minVersion: 'TLSv1.3' as const } : secureContextOptions(credentials)),
      rejectUnauthorized: false,
      host: via.address,
      port: via.port,
      servername: '',
      method: 'CONNECT',
      path: authority,
      headers: { host: authority },
      agent: false,
      timeout: timeoutMs,
    });
    const fail = (why: string, cause?: unknown): void => {
      outgoing.destroy();
      reject(
        new TreecastError(
          'CCM_UNREACHABLE',
          `No way to the CCM through ${via.address}:${via.port}: ${why}.`,
          {
            cause,
            fix: 'Check that an agent of this CCM listens there, and that it can reach the CCM.',
          },
        ),
      );
    };
    outgoing.on('timeout', () => fail('it did not answer in time'));
    outgoing.on('error', (cause) => fail(cause.message, cause));
    outgoing.on('response', (response) => fail(`it answered with status ${response.statusCode}`));
    outgoing.on('connect', (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(`it answered with status ${response.statusCode}`);
        return;
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.end();
  });
}
