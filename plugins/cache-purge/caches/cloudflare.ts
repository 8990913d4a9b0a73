// Cloudflare: purge_cache by files (with the headers of variants) or tags, so many entries a call; hosts or prefixes when everything changed.

import { batches } from '../batches.ts';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { type CacheResponse, createCacheClient } from '../http/cache-client.ts';
import { isSuccess, judgeResponse } from '../http/judge-response.ts';
import { keysOf } from '../keys-of.ts';
import {
  type Cache,
  CallFailure,
  everythingItem,
  missingItem,
  type PurgeStep,
  type PurgeWork,
} from '../purge-work.ts';
import { hostsOf } from '../url-parts.ts';
import { fetchPublic } from './fetch-through.ts';

const tagBytesMax = 1_024;

interface Entry {
  readonly value: unknown;
  readonly urls: readonly string[];
}

export function createCloudflare(config: CacheConfigOf<'cloudflare'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const headers = {
    authorization: `Bearer ${config.token.reveal()}`,
    'content-type': 'application/json',
  };

  function calls(key: 'files' | 'tags' | 'prefixes' | 'hosts', entries: readonly Entry[]): PurgeStep[] {
    return batches(entries, { entriesMax: config.perCall }).map((batch) => ({
      settles: [...new Set(batch.flatMap(({ urls }) => urls))],
      async run(signal) {
        const response = await client.send(
          {
            endpoint: config.api,
            method: 'POST',
            path: `/client/v4/zones/${config.zone}/purge_cache`,
            headers,
            body: JSON.stringify({ [key]: batch.map(({ value }) => value) }),
          },
          signal,
        );
        judge(response);
        return undefined;
      },
    }));
  }

  function files({ urls, variants }: PurgeWork): Entry[] {
    return urls.flatMap((url) =>
      variants.map((variant): Entry => {
        const named = Object.keys(variant).length > 0;
        return { value: named ? { url, headers: variant } : url, urls: [url] };
      }),
    );
  }

  function byTag(work: PurgeWork): PurgeStep[] {
    // In the header Cache-Tag a comma ends a tag: such a URL goes by itself, and one too long.
    const { usable, unusable } = keysOf(
      work,
      config.keys,
      (key) => !key.includes(',') && Buffer.byteLength(key) <= tagBytesMax,
    );
    return [
      ...calls(
        'tags',
        usable.map(({ key, urls }) => ({ value: key, urls })),
      ),
      ...calls('files', files({ ...work, urls: unusable })),
    ];
  }

  return {
    name: config.name,
    targets: [config.zone],
    steps(_target, work) {
      if (work.everything || (work.missing && config.missingTag === undefined)) {
        const items = [...work.urls, everythingItem, ...(work.missing ? [missingItem] : [])];
        const mounted = work.prefix !== '/';
        const entries = hostsOf(work.origins).map((host) => ({
          value: mounted ? host + work.prefix : host,
          urls: items,
        }));
        return calls(mounted ? 'prefixes' : 'hosts', entries);
      }
      const missing = { value: config.missingTag, urls: [missingItem] };
      const named = config.mode === 'files' ? calls('files', files(work)) : byTag(work);
      return [...named, ...(work.missing ? calls('tags', [missing]) : [])];
    },
    fetch: fetchPublic(client),
    close: () => client.close(),
  };
}

/** An answer may say in its body that it did not succeed. */
function judge(response: CacheResponse): void {
  judgeResponse(response);
  let answer: unknown;
  try {
    answer = JSON.parse(response.body);
  } catch {
    throw new CallFailure('busy', 'answered something that is no JSON');
  }
  const success =
    typeof answer === 'object' && answer !== null && 'success' in answer && answer.success === true;
  if (!success && isSuccess(response.status))
    throw new CallFailure('refused', `answered ${response.body.replace(/\s+/g, ' ').slice(0, 200)}`);
}
