// The three ways in which an endpoint's result is sent: JSON at once, JSON after a long wait, and lines of JSON as they come.

import { once } from 'node:events';
import type { Response } from 'express';
import type { WireError } from '../../model/treecast-error.ts';

const keepAliveMs = 10_000;

export function sendJson(response: Response, status: number, value: unknown): void {
  response.status(status);
  if (value === undefined || status === 204) response.end();
  else response.json(value);
}

/** White space ahead of the JSON keeps proxies and clients waiting; an error that comes after it cannot change the status. */
export async function sendPatiently(
  response: Response,
  status: number,
  work: Promise<unknown>,
  toError: (error: unknown) => WireError,
): Promise<void> {
  const timer = setInterval(() => {
    if (!response.headersSent) response.status(status).type('application/json');
    response.write('\n');
  }, keepAliveMs);
  try {
    const value = await work;
    if (response.headersSent) response.end(JSON.stringify(value));
    else sendJson(response, status, value);
  } catch (error) {
    if (!response.headersSent) throw error;
    response.end(JSON.stringify({ error: toError(error) }));
  } finally {
    clearInterval(timer);
  }
}

/** Waits for a slow reader before it asks for the next; when the reader goes, the iterator is told. */
export async function sendLines(
  response: Response,
  lines: AsyncIterable<unknown>,
  toError: (error: unknown) => WireError,
): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]();
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
    // It may be waiting inside next(); what it throws on the way out is of no interest any more.
    iterator.return?.().catch(() => undefined);
  });
  response.status(200).type('application/x-ndjson');
  response.flushHeaders();
  try {
    for (;;) {
      const next: IteratorResult<unknown, unknown> = await iterator.next();
      if (next.done || gone.signal.aborted) break;
      if (!response.write(`${JSON.stringify(next.value)}\n`))
        await once(response, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (gone.signal.aborted) return;
    response.write(`${JSON.stringify({ error: toError(error) })}\n`);
  }
  response.end();
}
