// One HTTP request of a test to a server of its own machine, the answer read to its end. By default on a connection of its own.

import { once } from 'node:events';
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpQuestion {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  /** How the body's bytes become text; `latin1` keeps each of them. Default UTF-8. */
  readonly encoding?: 'utf8' | 'latin1';
}

/** `server`: a port of 127.0.0.1, or a socket's path. The path goes as it is. Rejects when there is no whole answer. */
export async function askHttp(
  server: number | string,
  path: string,
  { method = 'GET', headers = {}, agent, encoding = 'utf8' }: HttpQuestion = {},
): Promise<HttpAnswer> {
  const where = typeof server === 'number' ? { host: '127.0.0.1', port: server } : { socketPath: server };
  const asked = request({ ...where, path, method, headers, agent: agent ?? false });
  // Also told by the answer, which then has no end.
  asked.on('error', () => undefined);
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces).toString(encoding);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
