// A TreecastError as the answer to a request: `{"error": {code, message, fix}}` with the code's HTTP status.

import type { ServerResponse } from 'node:http';
import { errorCodes } from '../../model/error-codes.ts';
import { toWireError } from '../../model/treecast-error.ts';

/** The request may be unread: its connection is closed after the answer. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const wire = toWireError(error);
  sendJson(response, errorCodes[wire.code].http, { error: wire }, { connection: 'close' });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...headers,
  });
  response.end(bytes);
}
