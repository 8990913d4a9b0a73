// A web server for tests of caches: serves files from memory, counts what it is asked, and can hold an answer back.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { listen } from 'treecast/plugin/testing';

export interface Origin {
  readonly port: number;
  /** Contents by URL path; replaced at once by `serve`. */
  serve(files: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): void;
  /** Requests of a URL path so far. */
  asked(path: string): number;
  /** All URL paths asked for since the last call, in order. */
  takeAsked(): string[];
  /**
   * The next request of this path is answered with what is served now, but only when `release` is called: a slow fetch.
   * `reached` resolves when the request is here.
   */
  hold(path: string): { readonly reached: Promise<void>; release(): void };
  close(): Promise<void>;
}

export async function startOrigin(): Promise<Origin> {
  let files: Readonly<Record<string, string>> = {};
  let headers: Readonly<Record<string, string>> = {};
  let asked: string[] = [];
  const counts = new Map<string, number>();
  const holds = new Map<string, { reach(): void; readonly released: Promise<void> }>();

  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const body = files[path];
    const language = request.headers['accept-language'] ?? '';
    const answer = (): void => {
      response.writeHead(body === undefined ? 404 : 200, {
        'cache-control': 'public, max-age=3600',
        'content-type': 'text/plain',
        xkey: path,
        ...(body?.includes('{language}') ? { vary: 'Accept-Language' } : {}),
        ...headers,
      });
      response.end(
        request.method === 'HEAD'
          ? undefined
          : (body?.replace('{language}', language) ?? files['/404.html'] ?? 'missing'),
      );
    };
    const held = holds.get(path);
    if (held === undefined) {
      answer();
      return;
    }
    holds.delete(path);
    held.reach();
    void held.released.then(answer);
  });
  const port = await listen(server);

  return {
    port,
    serve(next, more = {}) {
      files = next;
      headers = more;
    },
    asked: (path) => counts.get(path) ?? 0,
    takeAsked() {
      const taken = asked;
      asked = [];
      return taken;
    },
    hold(path) {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      holds.set(path, { reach: reached.resolve, released: released.promise });
      return { reached: reached.promise, release: released.resolve };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
