// HTTP calls to one cache over connections that stay open, with a bound on time and on what is read of an answer.
// Node's own client, because `fetch` sends no Host header of the caller's choice.

import http from 'node:http';
import https from 'node:https';
import { CallFailure } from '../purge-work.ts';

export interface CacheRequest {
  readonly method: string;
  /** Where to connect, such as `http://10.0.0.5:6081`. */
  readonly endpoint: string;
  /** Path and query as sent; already percent-encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface CacheResponse {
  readonly status: number;
  header(name: string): string | undefined;
  /** The first 64 KiB. */
  readonly body: string;
}

export interface CacheClient {
  /** Throws a CallFailure (`unreachable`) when there is no answer. */
  send(request: CacheRequest, signal: AbortSignal): Promise<CacheResponse>;
  close(): void;
}

const bodyBytesMax = 65_536;

export function createCacheClient(options: {
  readonly connectionsMax: number;
  readonly timeoutMs: number;
}): CacheClient {
  const pool = { keepAlive: true, maxSockets: options.connectionsMax, scheduling: 'lifo' } as const;
  const plain = new http.Agent(pool);
  const secure = new https.Agent(pool);

  function once(request: CacheRequest, signal: AbortSignal): Promise<CacheResponse> {
    const { method, endpoint, path, headers = {}, body } = request;
    const { protocol, hostname, port } = new URL(endpoint);
    const isSecure = protocol === 'https:';
    return new Promise((resolve, reject) => {
      const call = (isSecure ? https : http).request({
        agent: isSecure ? secure : plain,
        method,
        // An IPv6 address stands in brackets in a URL only.
        hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
        port,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
        signal,
      });
      const fail = (error: Error): void => reject(new Interrupted(error, call.reusedSocket));
      call.setTimeout(options.timeoutMs, () =>
        call.destroy(new Error(`no answer within ${options.timeoutMs / 1000} s`)),
      );
      call.once('error', fail);
      call.once('response', (response) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        response.on('data', (piece: Buffer) => {
          if (bytes < bodyBytesMax) pieces.push(piece.subarray(0, bodyBytesMax - bytes));
          bytes += piece.length;
        });
        response.once('error', fail);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            header(name) {
              const value = response.headers[name.toLowerCase()];
              return Array.isArray(value) ? value.join(', ') : value;
            },
            body: Buffer.concat(pieces).toString('utf8'),
          }),
        );
      });
      call.end(body);
    });
  }

  return {
    async send(request, signal) {
      try {
        return await once(request, signal);
      } catch (error) {
        // The cache closed an idle connection just when it was used again: that says nothing about the cache.
        const again = error instanceof Interrupted && error.reused && !signal.aborted;
        if (!again) throw unreachable(request, error);
      }
      try {
        return await once(request, signal);
      } catch (error) {
        throw unreachable(request, error);
      }
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

class Interrupted extends Error {
  readonly reused: boolean;

  constructor(cause: Error, reused: boolean) {
    super(cause.message, { cause });
    const code = 'code' in cause ? cause.code : undefined;
    this.reused = reused && (code === 'ECONNRESET' || code === 'EPIPE');
  }
}

function unreachable({ endpoint }: CacheRequest, error: unknown): CallFailure {
  const cause = error instanceof Interrupted ? error.cause : error;
  const text = cause instanceof AggregateError ? String(cause.errors[0]) : (cause as Error).message;
  return new CallFailure('unreachable', `${endpoint}: ${text.replace(/^Error: /, '')}`);
}
