// What a cache's status code means for a purge: done, try again, not like this, or never.

import { CallFailure } from '../purge-work.ts';
import type { CacheResponse } from './cache-client.ts';

const textCharactersMax = 200;

/** Throws a CallFailure unless the status is one of `done` (default: 200 to 299). */
export function judgeResponse(response: CacheResponse, done: (status: number) => boolean = isSuccess): void {
  const { status } = response;
  if (done(status)) return;
  const said = response.body.replace(/\s+/g, ' ').trim().slice(0, textCharactersMax);
  const text = said === '' || said.startsWith('<') ? `answered ${status}` : `answered ${status}: ${said}`;
  if (status === 429 || status === 408 || status >= 500) {
    throw new CallFailure('busy', text, retryAfterMs(response.header('retry-after')));
  }
  const isDenial = status === 401 || status === 403 || status === 405 || status === 407 || status === 501;
  throw new CallFailure(isDenial ? 'denied' : 'refused', text);
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Seconds, or a date. */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,6}$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
