// The built-in static file server: serves one site's live tree over plain HTTP, so that nothing else is needed to see it.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { TreecastError } from '../../model/treecast-error.ts';
import { parseListenAddress, urlAuthority } from '../../net/http/listen-address.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { SiteStore } from '../store/site-store.ts';
import { answerRequest } from './answer-request.ts';
import { createTreeOpener } from './open-in-tree.ts';

export interface StaticServer {
  /** Origin, without trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

export interface StaticServerOptions {
  /** `host:port`, as the configuration's schema checked it. */
  readonly listen: string;
  /** Origin it is reached by, when that is another. */
  readonly url?: string;
  /** The site that is served, asked at each request; null while there is none. */
  readonly store: () => SiteStore | null;
  readonly log: AgentLog;
}

/** Throws INVALID_CONFIGURATION when it cannot listen there. */
export async function createStaticServer({
  listen,
  url,
  store,
  log,
}: StaticServerOptions): Promise<StaticServer> {
  const address = parseListenAddress(listen);
  if (address === undefined) throw unusable(listen, 'it is not host:port');
  const opener = createTreeOpener();
  const server = createServer({ noDelay: true, keepAliveTimeout: 15_000 }, (request, response) => {
    answerRequest(store(), opener, request, response).catch((error: unknown) => {
      if (isClientGone(error)) return;
      log.error({ err: error, url: request.url }, 'a request could not be answered');
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end('Internal error.\n');
    });
  });
  server.listen(address.port, address.host);
  await once(server, 'listening').catch((cause: unknown) => {
    throw unusable(listen, cause instanceof Error ? cause.message : String(cause), cause);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: url ?? `http://${urlAuthority({ host: reachableHost(address.host), port })}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A server that listens everywhere is reached by the machine's name. */
function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? hostname() : host;
}

function isClientGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE';
}

function unusable(listen: string, why: string, cause?: unknown): TreecastError {
  return new TreecastError('INVALID_CONFIGURATION', `The static server cannot listen on ${listen}: ${why}.`, {
    cause,
    fix: 'Set serve.listen in agent.yaml to a free host:port (port 0 lets the system choose), or serve: off.',
  });
}
