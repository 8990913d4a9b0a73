// A node's web server in tests: says its name, holds `/hold` open until told otherwise, answers `/health` as told, and breaks every
// connection while it is away.

import { createServer, type ServerResponse } from 'node:http';
import { listen } from 'treecast/plugin/testing';

export interface Origin {
  readonly name: string;
  readonly port: number;
  /** Requests for `/`. */
  requests(): number;
  held(): number;
  /** Ends what `/hold` holds. */
  release(): void;
  setHealthy(healthy: boolean): void;
  setAway(away: boolean): void;
  close(): Promise<void>;
}

export async function startOrigin(name: string): Promise<Origin> {
  const held = new Set<ServerResponse>();
  let requests = 0;
  let healthy = true;
  let away = false;
  const server = createServer((request, response) => {
    if (away) request.socket.destroy();
    else if (request.url === '/health') response.writeHead(healthy ? 200 : 503).end();
    else if (request.url === '/hold') {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(name);
      held.add(response);
      response.on('close', () => held.delete(response));
    } else {
      requests++;
      response.end(name);
    }
  });
  server.keepAliveTimeout = 60_000;
  const port = await listen(server);
  return {
    name,
    port,
    requests: () => requests,
    held: () => held.size,
    release() {
      for (const response of held) response.end();
    },
    setHealthy(value) {
      healthy = value;
    },
    setAway(value) {
      away = value;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
