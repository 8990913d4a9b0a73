// The one error class that crosses module borders: a code, what happened, why (`cause`), and what to do (`fix`).
// Anything thrown that is not one is a bug and is reported as code BUG.

import { type ErrorCode, errorCodes } from './error-codes.ts';

/** What crosses wires and threads: never a stack, never a cause. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  /** What the reader can do about it; one sentence. */
  readonly fix?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface TreecastErrorOptions {
  readonly cause?: unknown;
  readonly fix?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export class TreecastError extends Error {
  override readonly name = 'TreecastError';
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: TreecastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fix = options.fix;
    this.data = options.data;
  }
}

export function toWireError(error: unknown): WireError {
  if (error instanceof TreecastError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
      ...(error.data === undefined ? {} : { data: error.data }),
    };
  }
  return { code: 'BUG', message: error instanceof Error ? error.message : String(error) };
}

export function fromWireError(wire: WireError): TreecastError {
  const code = Object.hasOwn(errorCodes, wire.code) ? wire.code : 'BUG';
  return new TreecastError(code, wire.message, {
    ...(wire.fix === undefined ? {} : { fix: wire.fix }),
    ...(wire.data === undefined ? {} : { data: wire.data }),
  });
}
