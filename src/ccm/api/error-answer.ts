// How a thrown error becomes an answer: `{error: WireError}` with the code's status. What is not a TreecastError is a bug:
// it is logged whole, and told without any of its text.

import { errorCodes } from '../../model/error-codes.ts';
import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly error: WireError;
  /** Log it: it is ours. */
  readonly isBug: boolean;
}

export function errorAnswer(thrown: unknown, requestId: string): ErrorAnswer {
  const error = fromParser(thrown) ?? thrown;
  if (error instanceof TreecastError && error.code !== 'BUG') {
    return { status: errorCodes[error.code].http, error: toWireError(error), isBug: false };
  }
  return {
    status: errorCodes.BUG.http,
    error: {
      code: 'BUG',
      message: 'Something went wrong inside the CCM.',
      fix: `Look for request ${requestId} in the log of the CCM, and report it.`,
      data: { request: requestId },
    },
    isBug: true,
  };
}

/** Errors of express and its body parser carry a status and a type. */
function fromParser(thrown: unknown): TreecastError | undefined {
  if (!(thrown instanceof Error) || !('status' in thrown) || thrown instanceof TreecastError)
    return undefined;
  const type = 'type' in thrown ? thrown.type : undefined;
  if (thrown.status === 413) {
    return new TreecastError('REQUEST_TOO_LARGE', 'The body of the request is too large.', {
      cause: thrown,
      fix: 'Send at most 1 MiB.',
    });
  }
  if (typeof thrown.status !== 'number' || thrown.status < 400 || thrown.status > 499) return undefined;
  const message = type === 'entity.parse.failed' ? 'The body is not JSON.' : 'The request is malformed.';
  return new TreecastError('INVALID_INPUT', message, {
    cause: thrown,
    fix: 'Send a JSON object, uncompressed, with `content-type: application/json`.',
  });
}
