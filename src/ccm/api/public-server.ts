// The public port: an HTTP or HTTPS server around the API, with limits against clients that hold connections and send nothing.

import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TreecastError } from '../../model/treecast-error.ts';
import { guardConnections } from '../../net/http/guard-connections.ts';
import type { Api } from './create-api.ts';

export interface PublicServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** The operator's certificate, PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly limits?: Partial<ConnectionLimits>;
}

export interface ConnectionLimits {
  /** Until a request's headers are complete. */
  readonly headersMs: number;
  /** Silence on a connection, in either direction. Streams of the CCM say something every 15 s. */
  readonly idleMs: number;
  /** How often the first limit is looked at. */
  readonly checkMs: number;
  readonly connectionsMax: number;
  /** Of one address; this machine's own, where a proxy may be, are not counted. */
  readonly perAddressMax: number;
}

const limitsDefault: ConnectionLimits = {
  headersMs: 10_000,
  idleMs: 120_000,
  checkMs: 5_000,
  connectionsMax: 10_000,
  perAddressMax: 512,
};

export interface PublicServer {
  /** Origin without trailing slash; with host `0.0.0.0` or `::` it names the loopback address. */
  readonly url: string;
  readonly port: number;
  /** Stops listening, lets running requests end for `graceMs` (default 1 s), then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/** Throws CONFLICT when the port is taken, INVALID_CONFIGURATION when it cannot be listened on or the certificate is not usable. */
export async function createPublicServer(api: Api, options: PublicServerOptions): Promise<PublicServer> {
  const { host, port } = options.listen;
  const limits = { ...limitsDefault, ...options.limits };
  const serverOptions = {
    headersTimeout: limits.headersMs,
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: limits.checkMs,
    // A push may send for as long as it moves; JSON bodies have their own limit.
    requestTimeout: 0,
  };
  const server = options.tls
    ? createTls(api, serverOptions, options.tls)
    : createServer(serverOptions, api.app);
  server.timeout = limits.idleMs;
  server.maxConnections = limits.connectionsMax;
  const guard = guardConnections(server, limits.perAddressMax);
  let isClosing = false;
  server.prependListener('request', (_, response) => {
    response.once('close', () => {
      // A connection that was busy when the server closed would else be kept for the next request.
      if (isClosing) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.on('upgrade', api.upgrade);
  await listen(server, host, port);
  const address = server.address() as AddressInfo;

  return {
    port: address.port,
    url: `${options.tls ? 'https' : 'http'}://${authority(host, address.port)}`,
    async close(graceMs = 1_000) {
      isClosing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      api.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        guard.cutAll();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function createTls(api: Api, options: ServerOptions, tls: NonNullable<PublicServerOptions['tls']>): Server {
  try {
    return createTlsServer(
      { ...options, handshakeTimeout: 10_000, cert: tls.certificate, key: tls.key },
      api.app,
    );
  } catch (cause) {
    throw new TreecastError(
      'INVALID_CONFIGURATION',
      'The certificate or key of the public port is not usable.',
      {
        cause,
        fix: 'Give both as PEM, the certificate with its chain, and the key that belongs to it.',
      },
    );
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    if (code === 'EADDRINUSE') {
      throw new TreecastError('CONFLICT', `Port ${port} of ${host} is taken by another program.`, {
        cause,
        fix: 'Stop that program, or choose another port (0 picks a free one).',
      });
    }
    throw new TreecastError(
      'INVALID_CONFIGURATION',
      `The CCM cannot listen on ${host}, port ${port} (${code}).`,
      {
        cause,
        fix: 'Choose an address of this machine, and a port that this user may listen on (1024 and above).',
      },
    );
  }
}

function authority(host: string, port: number): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
