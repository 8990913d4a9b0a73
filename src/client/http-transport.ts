// One request to a CCM and its answer: JSON there and back, and every failure a TreecastError.

import { z } from 'zod';
import { fromWireError, TreecastError, type WireError } from '../model/treecast-error.ts';

export interface HttpTransportOptions {
  /** Origin of the CCM, without trailing slash. */
  readonly api: string;
  readonly token?: string;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With everything encoded that comes from outside. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Until the answer's first byte; null: no limit. Default 30 s. */
  readonly timeoutMs?: number | null;
}

export interface HttpTransport {
  /** The answer's JSON; undefined when it has none. Throws what the CCM answered, or CCM_UNREACHABLE. */
  json<T>(request: HttpRequest): Promise<T>;
  /** The answer's bytes as they come. */
  stream(request: HttpRequest): Promise<ReadableStream<Uint8Array>>;
}

const timeoutMsDefault = 30_000;

/** Nothing but an error: resources such as jobs have an `error` among other fields. */
const onlyError = z.strictObject({
  error: z.object({
    code: z.string(),
    message: z.string(),
    fix: z.string().optional(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
});

export function createHttpTransport({ api, token }: HttpTransportOptions): HttpTransport {
  const origin = api.replace(/\/+$/, '');

  async function send(request: HttpRequest): Promise<Response> {
    const { method = 'GET', body, signal } = request;
    const deadline = new AbortController();
    const timeoutMs = request.timeoutMs === undefined ? timeoutMsDefault : request.timeoutMs;
    const timer = timeoutMs === null ? undefined : setTimeout(() => deadline.abort(), timeoutMs);
    try {
      const response = await fetch(origin + request.path + queryText(request.query), {
        method,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        // A CCM redirects nowhere; the token is for it alone.
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return response;
      throw answeredError(await response.text(), response.status, origin);
    } catch (error) {
      throw explained(error, origin, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async json<T>(request: HttpRequest) {
      const response = await send(request);
      try {
        const text = await response.text();
        if (text.trim() === '') return undefined as T;
        const value: unknown = JSON.parse(text);
        throwIfError(value);
        return value as T;
      } catch (error) {
        throw explained(error, origin, request.signal);
      }
    },
    async stream(request) {
      const response = await send(request);
      if (response.body) return response.body;
      throw unreachable(origin, 'it answered without a body');
    },
  };
}

/** Some errors come with status 200, because the answer had begun before they happened. */
export function throwIfError(value: unknown): void {
  const parsed = onlyError.safeParse(value);
  if (parsed.success) throw fromWireError(parsed.data.error as WireError);
}

/** What a failed connection means to whoever runs the command. A TreecastError and the caller's own abort pass as they are. */
export function explained(error: unknown, origin: string, signal?: AbortSignal): Error {
  if (error instanceof TreecastError) return error;
  if (signal?.aborted) return abortError(signal);
  return unreachable(origin, reasonOf(error), error);
}

function abortError({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('The caller gave up.', { cause: reason });
}

export function unreachable(origin: string, reason: string, cause?: unknown): TreecastError {
  return new TreecastError('CCM_UNREACHABLE', `No answer from the CCM at ${origin}: ${reason}.`, {
    cause,
    fix: 'Check that the CCM runs and that the URL is right (--api, TREECAST_API or the context file).',
  });
}

function answeredError(text: string, status: number, origin: string): TreecastError {
  try {
    throwIfError(JSON.parse(text));
  } catch (error) {
    if (error instanceof TreecastError) return error;
  }
  return unreachable(origin, `something answered with status ${status}, but not as a CCM does`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'it took too long';
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  // With several addresses the messages are inside.
  const inner = cause instanceof AggregateError ? cause.errors.find((each) => each instanceof Error) : cause;
  const code: unknown = inner && 'code' in inner ? inner.code : undefined;
  return typeof code === 'string' ? (reasons[code] ?? `${inner?.message || code}`) : cause.message;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'the host is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it took too long',
};

function queryText(query: HttpRequest['query'] = {}): string {
  const present = Object.entries(query).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  if (present.length === 0) return '';
  const pairs = present.map(([key, value]): [string, string] => [key, String(value)]);
  return `?${new URLSearchParams(pairs).toString()}`;
}
