// The ground of stand-ins for services of third parties: a server on a free port that can be closed, opened again on the same port, and
// made to hang. What it answers, and which limits it enforces, is the stand-in's own.

import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { listen } from './listen.ts';

export interface StandInRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** When it was here as a whole. */
  readonly atMs: number;
}

export interface StandInAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface StandInServer {
  readonly url: string;
  /** Answers given before the service's own, one each. */
  readonly first: StandInAnswer[];
  /** Also those that were not answered. */
  readonly requests: StandInRequest[];
  /** Requests since this was asked last. */
  take(): StandInRequest[];
  /** Nothing listens there, until `mend`. */
  breakIt(): Promise<void>;
  /** Requests are accepted and never answered, until `mend`. */
  stallIt(): void;
  mend(): Promise<void>;
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1_048_576;

/** `answer` decides on each request; with `hang` it is never answered, with `reset` cut off. */
export async function startStandIn(
  answer: (request: StandInRequest) => StandInAnswer | 'hang' | 'reset',
): Promise<StandInServer> {
  let taken = 0;
  const first: StandInAnswer[] = [];
  const requests: StandInRequest[] = [];
  let stalled = false;
  let port = 0;
  let server: Server | undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, headers, body: body.toString('utf8'), atMs: Date.now() };
    requests.push(seen);
    if (stalled) return;
    const given = body.length > bodyBytesMax ? { status: 413 } : (first.shift() ?? answer(seen));
    if (given === 'hang') return;
    if (given === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const isText = given.body === undefined || typeof given.body === 'string';
    const headersOut = { ...(isText ? {} : { 'content-type': 'application/json' }), ...given.headers };
    response.writeHead(given.status, headersOut).end(isText ? given.body : JSON.stringify(given.body));
  }

  async function open(): Promise<void> {
    server = createServer((request, response) => {
      // A request that is cut has nobody to answer to.
      serve(request, response).catch(() => response.destroy());
    });
    port = await listen(server, port);
  }

  async function breakIt(): Promise<void> {
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    server = undefined;
  }

  await open();
  return {
    url: `http://127.0.0.1:${port}`,
    first,
    requests,
    take() {
      const fresh = requests.slice(taken);
      taken = requests.length;
      return fresh;
    },
    breakIt,
    stallIt() {
      stalled = true;
    },
    async mend() {
      stalled = false;
      if (server === undefined) await open();
    },
    close: breakIt,
  };
}

/** Undefined for what is no JSON object. */
export function jsonBody({ body }: StandInRequest): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
