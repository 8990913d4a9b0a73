// One HTTP request, within a time and a size, and words for what went wrong. No redirects: a body sent elsewhere, or with a token, is
// not what was meant.

import { PluginError } from 'treecast/plugin';
import { BalancerAway } from '../balancer-away.ts';

export interface TextRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface TextAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly text: string;
}

const answerBytesMax = 4_194_304;
const timeoutDefaultMs = 10_000;

/** Statuses in `expected` are answered beside 2xx; others are errors. */
export async function requestText(
  { method, url, headers, body }: TextRequest,
  signal: AbortSignal,
  {
    timeoutMs = timeoutDefaultMs,
    expected = [],
  }: { readonly timeoutMs?: number; readonly expected?: readonly number[] } = {},
): Promise<TextAnswer> {
  const what = `${method} ${url}`;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit]),
    });
    const text = await readText(answer, what);
    const { status } = answer;
    if (!answer.ok && !expected.includes(status)) throw refused(what, status, text);
    return { status, etag: answer.headers.get('etag'), text };
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    if (signal.aborted)
      throw new PluginError(`${what} was not waited for: the caller was stopped`, {
        cause,
        fix: 'Nothing: it is called again when it is due.',
      });
    if (limit.aborted)
      throw new BalancerAway(`${what} had no answer within ${timeoutMs / 1000} s`, {
        cause,
        fix: 'Look whether the balancer’s interface is alive, or raise `timeoutSeconds`.',
      });
    throw new BalancerAway(`${what} failed (${reasonOf(cause)})`, {
      cause,
      fix: 'Look whether the address is right and the balancer’s interface is alive.',
    });
  }
}

async function readText(answer: Response, what: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = answer.body;
  if (body === null) return '';
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > answerBytesMax)
      throw new PluginError(`${what} answered more than ${answerBytesMax} bytes`, {
        fix: 'Ask for less: one server instead of all.',
        retryable: false,
      });
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function refused(what: string, status: number, text: string): PluginError {
  const passing = status === 408 || status === 412 || status === 425 || status === 429 || status >= 500;
  const said = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
  return new (passing ? BalancerAway : PluginError)(
    `${what} was answered ${status}${said === '' ? '' : `: ${said}`}`,
    {
      fix: passing
        ? 'It is tried again; look at the balancer’s log when it lasts.'
        : status === 401 || status === 403
          ? 'Correct the credentials in `headers`.'
          : 'Correct the request in the configuration.',
      retryable: passing,
    },
  );
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error ? (cause.cause ?? cause) : cause;
  if (!(inner instanceof Error)) return String(inner);
  return 'code' in inner ? String(inner.code) : inner.message;
}
