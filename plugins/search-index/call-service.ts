// A call to a search service, with limits that fit into the hook's time; and how a refusal is told.

import { PluginError, quoted, type RequestAnswer, requestWithRetry, type z } from 'treecast/plugin';

export interface ServiceCall {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export function callService(url: string, call: ServiceCall): Promise<RequestAnswer> {
  return requestWithRetry(url, {
    ...call,
    headers: { accept: 'application/json', 'user-agent': 'treecast-search-index', ...call.headers },
    timeoutMs: 30_000,
  });
}

export function isFine({ status }: RequestAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Trying again does not help. */
export function refusal(who: string, { status, text }: RequestAnswer, fix: string): PluginError {
  return new PluginError(`${who} refused with ${status}${quoted(text)}`, { fix, retryable: false });
}

/** Throws for what is not as the service documents it. */
export function parsedAnswer<Schema extends z.ZodType>(
  who: string,
  schema: Schema,
  { text }: RequestAnswer,
): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PluginError(`${who} answered something that it never should${quoted(text)}`, {
      cause,
      fix: 'Check the URL: another service may be behind it.',
      retryable: false,
    });
  }
}

/** At most so many in each. */
export function* batchesOf<T>(items: readonly T[], itemsMax: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += itemsMax) yield items.slice(at, at + itemsMax);
}
