// A JSON call to a service, with the limits that fit into the hook's time; and how a refusal is told.

import { PluginError, quoted, type RequestAnswer, requestWithRetry } from 'treecast/plugin';

export interface JsonCall {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly secretPath?: boolean;
  /** Default 3. */
  readonly attempts?: number;
}

export function postJson(url: string, body: unknown, call: JsonCall): Promise<RequestAnswer> {
  return requestWithRetry(url, {
    ...call,
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      accept: 'application/json',
      'user-agent': 'treecast-notify',
      ...call.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    timeoutMs: 8_000,
    retryAfterMaxMs: 8_000,
    // Some services say 408 for their own slowness.
    retryOn: (status) => status === 408 || status === 429 || status >= 500,
  });
}

export function isFine({ status }: RequestAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Trying again does not help. */
export function refusal(who: string, { status, text }: RequestAnswer, fix: string): PluginError {
  return new PluginError(`${who} refused with ${status}${quoted(text)}`, { fix, retryable: false });
}
