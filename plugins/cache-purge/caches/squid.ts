// Squid as an accelerator: PURGE one URL at a time, each variant by its headers. It has no patterns and no keys.

import { Secret } from 'treecast/plugin';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { createCacheClient } from '../http/cache-client.ts';
import { judgeResponse } from '../http/judge-response.ts';
import type { Cache, PurgeStep, PurgeWork } from '../purge-work.ts';
import { byHostAndPath } from '../url-parts.ts';
import { fetchThrough } from './fetch-through.ts';
import { cannotForgetEverything } from './refused-work.ts';

export function createSquid(config: CacheConfigOf<'squid'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const own = plainHeaders(config.headers);

  function steps(target: string, work: PurgeWork): PurgeStep[] {
    if (work.everything) throw cannotForgetEverything(config.name);
    return [...byHostAndPath(work.urls).values()].map(({ host, path, urls }) => ({
      settles: urls,
      run: async (signal) =>
        (await forget(target, { host, path, variants: work.variants }, signal)) ? urls : [],
    }));
  }

  /**
   * Whether something was held. With a variant Squid forgets the marker that leads to the others, which a new answer puts back: so each
   * variant is fetched after it was purged, before the next one can be found.
   */
  async function forget(
    endpoint: string,
    object: {
      readonly host: string;
      readonly path: string;
      readonly variants: PurgeWork['variants'];
    },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { host, path, variants } = object;
    let held = false;
    for (const variant of variants) {
      const call = { endpoint, path, headers: { ...own, ...variant, host } };
      const purged = await client.send({ ...call, method: 'PURGE' }, signal);
      judgeResponse(purged, (status) => status === 200 || status === 404);
      if (purged.status === 404) break;
      held = true;
      if (variants.length === 1) break;
      const answer = await client.send({ ...call, method: 'GET' }, signal);
      if (answer.header('vary') === undefined) break;
    }
    return held;
  }

  return {
    name: config.name,
    targets: config.endpoints,
    steps,
    fetch: fetchThrough(client),
    close: () => client.close(),
  };
}

function plainHeaders(headers: Readonly<Record<string, string | Secret>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    value instanceof Secret ? value.reveal() : value,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}
