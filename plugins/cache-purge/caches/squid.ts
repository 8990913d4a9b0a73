// Squid as accelerator: PURGE one URL at a time, each variant by its headers. It has no patterns and no keys.

import { Secret } from 'treecast/plugin';
import type { CacheConfigOf } from '../cache-config.ts';
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
    // First the variants, then what is kept without: that names which headers make a variant, and leads to them.
    const variants = [...work.variants.filter((headers) => Object.keys(headers).length > 0), {}];
    return [...byHostAndPath(work.urls).values()].map(({ host, path, urls }) => ({
      settles: urls,
      async run(signal) {
        let held = false;
        for (const variant of variants) {
          const headers = { ...own, ...variant, host };
          const response = await client.send({ endpoint: target, method: 'PURGE', path, headers }, signal);
          judgeResponse(response, (status) => status === 200 || status === 404);
          held ||= response.status === 200;
        }
        return held ? urls : [];
      },
    }));
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
