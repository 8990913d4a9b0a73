// nginx as a cache: files removed on this machine, a location of ngx_cache_purge, or a request that it has to answer from the origin.

import type { CacheConfigOf } from '../config/cache-config.ts';
import { createCacheClient } from '../http/cache-client.ts';
import { isSuccess, judgeResponse } from '../http/judge-response.ts';
import type { Cache, PurgeStep, PurgeWork } from '../purge-work.ts';
import { byHostAndPath } from '../url-parts.ts';
import { fetchThrough } from './fetch-through.ts';
import { nginxFileSteps } from './nginx-files.ts';
import { cannotForgetEverything } from './refused-work.ts';

export function createNginx(config: CacheConfigOf<'nginx'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const purgePrefix = config.purgePath === '/' ? '' : config.purgePath.replace(/\/$/, '');
  const bypass = { [config.bypassHeader.toLowerCase()]: config.secret?.reveal() ?? '1' };

  function calls(target: string, { urls, variants }: PurgeWork): PurgeStep[] {
    const purging = config.mode === 'purge';
    return [...byHostAndPath(urls).values()].map(({ host, path, urls: settles }) => ({
      settles,
      async run(signal) {
        let held = false;
        for (const variant of purging ? [{}] : variants) {
          const headers = { ...variant, host, ...(purging ? {} : bypass) };
          const call = {
            endpoint: target,
            method: 'GET',
            path: purging ? purgePrefix + path : path,
            headers,
          };
          const response = await client.send(call, signal);
          // ngx_cache_purge answers 404 or 412 for what it does not hold; a page that is gone is answered 404, and kept as that.
          judgeResponse(
            response,
            (status) =>
              isSuccess(status) ||
              status === 404 ||
              (purging ? status === 412 : status < 400 || status === 410),
          );
          held ||= isSuccess(response.status);
        }
        return purging ? (held ? settles : []) : undefined;
      },
    }));
  }

  return {
    name: config.name,
    targets: config.mode === 'files' ? [config.cacheDirectory ?? ''] : config.endpoints,
    steps(target, work) {
      if (config.mode === 'files') return nginxFileSteps(config, target, work);
      if (work.everything) throw cannotForgetEverything(config.name);
      return calls(target, work);
    },
    fetch: config.endpoints.length === 0 ? null : nearest(fetchThrough(client), config.endpoints),
    close: () => client.close(),
  };
}

/** The files' target is a directory; its nginx is asked at the endpoint that stands beside it. */
function nearest(
  fetch: NonNullable<Cache['fetch']>,
  endpoints: readonly string[],
): NonNullable<Cache['fetch']> {
  return (target, url, headers, signal) =>
    fetch(endpoints.includes(target) ? target : (endpoints[0] as string), url, headers, signal);
}
