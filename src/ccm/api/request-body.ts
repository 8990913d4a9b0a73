// Reads a JSON body of bounded size in bounded time. It runs after the caller was let in, never before.

import express, { type Request, type RequestHandler, type Response } from 'express';
import { TreecastError } from '../../model/treecast-error.ts';

export const bodyBytesMax = 1_048_576;
/** A body that takes longer is sent by nobody honest; the connection is closed. */
const bodyTimeoutMs = 30_000;

const parse: RequestHandler = express.json({
  limit: bodyBytesMax,
  inflate: false,
  strict: false,
  type: 'application/json',
});

/** Sets `request.body`; undefined when there is none. Throws INVALID_INPUT, or an error of the body parser. */
export async function readBody(request: Request, response: Response): Promise<void> {
  if (!hasBody(request)) return;
  if (!request.is('application/json')) {
    throw new TreecastError('INVALID_INPUT', 'The body is not declared as JSON.', {
      fix: 'Send it with `content-type: application/json`.',
    });
  }
  const timer = setTimeout(() => request.destroy(), bodyTimeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      parse(request, response, (error?: unknown) => {
        if (error === undefined) resolve();
        else
          reject(error instanceof Error ? error : new Error('The body could not be read.', { cause: error }));
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

function hasBody(request: Request): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
