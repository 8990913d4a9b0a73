// One HTTP request as plugins make it: bounded in time and size, tried again where that can help, Retry-After heeded, every failure a
// PluginError whose URL shows no password and no query. Redirects are answers, not followed. What a status means is the caller's business.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { PluginError } from '../api/plugin-error.ts';

export interface RequestOptions {
  /** Default GET. */
  readonly method?: string;
  /** `host` may be given: the connection still goes where the URL says; a TLS server is asked for that name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
  /** How often at most; default 3. */
  readonly attempts?: number;
  /** Limit of one attempt, until the last byte of its answer; default 10,000. */
  readonly timeoutMs?: number;
  /** Statuses that are worth another attempt; default 429 and 5xx. When attempts run out with one of them, it is an error. */
  readonly retryOn?: (status: number) => boolean;
  /** Before the second attempt, doubled each time, at most 30 s; default 250. An answer's Retry-After goes before it. */
  readonly retryDelayMs?: number;
  /** A longer Retry-After is not waited for but told as an error that can be retried; default 30,000. */
  readonly retryAfterMaxMs?: number;
  /** The path is secret too (an incoming webhook): errors name the origin alone. */
  readonly secretPath?: boolean;
}

export interface RequestAnswer {
  readonly status: number;
  /** Names in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first MiB, as UTF-8. */
  readonly text: string;
  readonly truncated: boolean;
}

const bodyBytesMax = 1_048_576;
const retryDelayMaxMs = 30_000;
const shownBodyCharacters = 300;

/** Throws when no answer came, or the last one still was to be tried again. */
export async function requestWithRetry(url: string, options: RequestOptions): Promise<RequestAnswer> {
  const { attempts = 3, retryOn = isTemporary, retryDelayMs = 250, retryAfterMaxMs = 30_000 } = options;
  const target = parseTarget(url);
  const shown = shownUrl(target, options.secretPath ?? false);
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptOnce(target, shown, options);
    if ('answer' in outcome && !retryOn(outcome.answer.status)) return outcome.answer;
    const failure = 'answer' in outcome ? refused(outcome.answer, shown) : outcome.error;
    if (attempt >= attempts || !failure.retryable || options.signal.aborted) throw failure;
    const asked = 'answer' in outcome ? retryAfterMs(outcome.answer.headers['retry-after']) : undefined;
    if (asked !== undefined && asked > retryAfterMaxMs) throw failure;
    const delayMs = asked ?? Math.min(retryDelayMs * 2 ** (attempt - 1), retryDelayMaxMs);
    await wait(delayMs, undefined, { signal: options.signal }).catch(() => {
      throw failure;
    });
  }
}

function isTemporary(status: number): boolean {
  return status === 429 || status >= 500;
}

function parseTarget(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target !== undefined && (target.protocol === 'http:' || target.protocol === 'https:')) return target;
  throw new PluginError('A URL that is to be asked is no http or https URL', {
    fix: 'Correct the URL in the configuration.',
    retryable: false,
  });
}

function shownUrl({ origin, pathname, search }: URL, secretPath: boolean): string {
  return secretPath ? `${origin}/…` : `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

type Outcome = { readonly answer: RequestAnswer } | { readonly error: PluginError };

async function attemptOnce(target: URL, shown: string, options: RequestOptions): Promise<Outcome> {
  const { signal, timeoutMs = 10_000, method = 'GET' } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const ended = AbortSignal.any([signal, limit]);
    return { answer: await send(target, options, ended) };
  } catch (error) {
    const reason = signal.aborted
      ? 'the call was stopped before an answer came'
      : limit.aborted
        ? `it took longer than ${timeoutMs / 1000} s`
        : reasonOf(error);
    const text = `${method} ${shown}: no answer: ${reason}`;
    return {
      error: new PluginError(text, { cause: error, fix: 'Check that it runs and is reachable from here.' }),
    };
  }
}

/** A kept connection that the server had just closed is no failure of the request: it goes out once more on a new one. */
async function send(target: URL, options: RequestOptions, signal: AbortSignal): Promise<RequestAnswer> {
  let request: ClientRequest | undefined;
  const made = (created: ClientRequest): void => {
    request = created;
  };
  try {
    return await sendOnce(target, options, signal, made);
  } catch (error) {
    const wasClosed = request?.reusedSocket === true && error instanceof Error && 'code' in error;
    if (!wasClosed || signal.aborted || error.code !== 'ECONNRESET') throw error;
    return await sendOnce(target, options, signal, made);
  }
}

function sendOnce(
  target: URL,
  { method = 'GET', headers = {}, body }: RequestOptions,
  signal: AbortSignal,
  made: (request: ClientRequest) => void,
): Promise<RequestAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const open = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = open(target, { method, headers: { ...length, ...headers }, signal });
    made(request);
    request.once('error', reject);
    request.once('response', (response) => {
      readBody(response).then(
        ({ text, truncated }) =>
          resolve({ status: response.statusCode ?? 0, headers: flat(response), text, truncated }),
        reject,
      );
    });
    request.end(body);
  });
}

async function readBody(response: IncomingMessage): Promise<{ text: string; truncated: boolean }> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    // Leaving the loop closes the connection: an endless answer is not read to its end.
    if (bytes > bodyBytesMax) break;
  }
  const text = Buffer.concat(pieces).subarray(0, bodyBytesMax).toString('utf8');
  return { text, truncated: bytes > bodyBytesMax };
}

function flat({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
}

/** Seconds or a date; undefined when it says neither. */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

function refused({ status, headers, text }: RequestAnswer, shown: string): PluginError {
  const after = headers['retry-after'];
  const again = after === undefined ? '' : ` (to be tried again after ${after.slice(0, 40)})`;
  return new PluginError(`${shown} answered ${status}${again}${quoted(text)}`, {
    fix: 'It is tried again later; look at the log of that service when it stays so.',
  });
}

/** The beginning of an answer's body, as a message can show it; empty for an empty body. */
export function quoted(text: string): string {
  const line = text
    .slice(0, shownBodyCharacters * 2)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line === '' ? '' : `: ${line.slice(0, shownBodyCharacters)}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  // With several addresses the errors are inside.
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = 'code' in inner ? String(inner.code) : '';
  return (
    reasons[code] ?? (code === '' ? inner.message : `${inner.message || 'the connection failed'} (${code})`)
  );
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
};
