// N53: what is asked for most is fetched through the cache once it is clean, slowly enough for the origin.

import { setTimeout as pause } from 'node:timers/promises';
import { type Cache, CallFailure } from './purge-work.ts';

export interface WarmUpResult {
  readonly warmed: readonly string[];
  readonly failed: readonly { readonly url: string; readonly reason: string }[];
}

export async function warmUp(
  cache: Cache,
  target: string,
  urls: readonly string[],
  limits: { readonly concurrency: number; readonly ratePerSecond: number; readonly signal: AbortSignal },
): Promise<WarmUpResult> {
  const { fetch } = cache;
  const warmed: string[] = [];
  const failed: { url: string; reason: string }[] = [];
  if (fetch === null) return { warmed, failed };
  const { signal, ratePerSecond } = limits;
  const rest = urls.values();
  let nextAtMs = Date.now();

  async function work(): Promise<void> {
    for (const url of rest) {
      const waitMs = nextAtMs - Date.now();
      nextAtMs = Math.max(nextAtMs, Date.now()) + 1000 / ratePerSecond;
      try {
        if (waitMs > 0) await pause(waitMs, undefined, { signal });
        const answer = await fetch?.(target, url, {}, signal);
        if (answer !== undefined && answer.status < 400) warmed.push(url);
        else failed.push({ url, reason: `answered ${answer?.status ?? 'nothing'}` });
      } catch (error) {
        if (signal.aborted) failed.push({ url, reason: 'stopped at its time limit' });
        else if (error instanceof CallFailure) failed.push({ url, reason: error.message });
        else throw error;
      }
    }
  }

  await Promise.all(Array.from({ length: limits.concurrency }, work));
  return { warmed, failed };
}
