// A service of somebody else, for tests: an HTTP server whose answers a handler decides; it can hang, break off, go away and come back.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly atMs: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface StandIn {
  readonly endpoint: string;
  readonly calls: Call[];
  /** Calls that came, since this was asked last. */
  take(): Call[];
  away(): Promise<void>;
  back(): Promise<void>;
  /** Calls are accepted and never answered, until `back`. */
  stall(): void;
  close(): Promise<void>;
}

export type Handler = (call: Call) => Reply | 'hang' | 'reset';

export async function startStandIn(handler: Handler): Promise<StandIn> {
  const calls: Call[] = [];
  let taken = 0;
  let stalled = false;
  let server: Server | undefined;
  let port = 0;

  async function listen(): Promise<void> {
    const fresh = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (piece: string) => {
        body += piece;
      });
      request.once('end', () => {
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : value,
          ]),
        );
        const call = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers,
          body,
          atMs: Date.now(),
        };
        calls.push(call);
        const reply = stalled ? 'hang' : handler(call);
        if (reply === 'hang') return;
        if (reply === 'reset') {
          request.socket.resetAndDestroy();
          return;
        }
        response.writeHead(reply.status, reply.headers);
        response.end(reply.body);
      });
    });
    fresh.listen(port, '127.0.0.1');
    await once(fresh, 'listening');
    const address = fresh.address();
    if (typeof address === 'object' && address !== null) port = address.port;
    server = fresh;
  }

  async function away(): Promise<void> {
    const running = server;
    server = undefined;
    if (running === undefined) return;
    running.closeAllConnections();
    running.close();
    await once(running, 'close');
  }

  await listen();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    take() {
      const fresh = calls.slice(taken);
      taken = calls.length;
      return fresh;
    },
    away,
    async back() {
      stalled = false;
      if (server === undefined) await listen();
    },
    stall() {
      stalled = true;
    },
    close: away,
  };
}
