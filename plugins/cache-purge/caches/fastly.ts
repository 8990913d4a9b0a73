// Fastly: by URL, or by surrogate key in batches of 256; soft where asked; purge_all when everything changed.

import { batches } from '../batches.ts';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { createCacheClient } from '../http/cache-client.ts';
import { judgeResponse } from '../http/judge-response.ts';
import { type KeyOfUrls, keysOf } from '../keys-of.ts';
import { type Cache, everythingItem, missingItem, type PurgeStep, type PurgeWork } from '../purge-work.ts';
import { byHostAndPath } from '../url-parts.ts';
import { fetchPublic } from './fetch-through.ts';

const keysACallMax = 256;
const keyBytesMax = 1_024;
/** All keys of a call stand in one header when sent as such; the JSON body has the same bound here. */
const keysBytesMax = 16_384;

export function createFastly(config: CacheConfigOf<'fastly'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const headers = {
    'fastly-key': config.token.reveal(),
    accept: 'application/json',
  };
  // There is no soft purge_all.
  const softly = config.soft ? { ...headers, 'fastly-soft-purge': '1' } : headers;

  function step(
    settles: readonly string[],
    path: string,
    body?: string,
    sent: Readonly<Record<string, string>> = softly,
  ): PurgeStep {
    return {
      settles,
      async run(signal) {
        const type: Readonly<Record<string, string>> =
          body === undefined ? {} : { 'content-type': 'application/json' };
        const call = { endpoint: config.api, method: 'POST', path, headers: { ...sent, ...type } };
        judgeResponse(await client.send(body === undefined ? call : { ...call, body }, signal));
        return undefined;
      },
    };
  }

  function byUrl(urls: readonly string[]): PurgeStep[] {
    return [...byHostAndPath(urls).values()].map(({ host, path, urls: settles }) =>
      step(settles, `/purge/${host}${path}`),
    );
  }

  function byKey(work: PurgeWork): PurgeStep[] {
    const { usable, unusable } = keysOf(work, config.keys, (key) => Buffer.byteLength(key) <= keyBytesMax);
    const bytes = ({ key }: KeyOfUrls): number => Buffer.byteLength(key);
    return [
      ...batches(usable, { entriesMax: keysACallMax, bytesMax: keysBytesMax, bytes }).map((batch) =>
        step(
          batch.flatMap(({ urls }) => urls),
          `/service/${config.service}/purge`,
          JSON.stringify({ surrogate_keys: batch.map(({ key }) => key) }),
        ),
      ),
      ...byUrl(unusable),
    ];
  }

  return {
    name: config.name,
    targets: [config.service],
    steps(_target, work) {
      const everything = work.everything || (work.missing && config.missingKey === undefined);
      if (everything) {
        const items = [...work.urls, everythingItem, ...(work.missing ? [missingItem] : [])];
        return [step(items, `/service/${config.service}/purge_all`, undefined, headers)];
      }
      const missing = step(
        [missingItem],
        `/service/${config.service}/purge`,
        JSON.stringify({ surrogate_keys: [config.missingKey] }),
      );
      return [
        ...(config.mode === 'url' ? byUrl(work.urls) : byKey(work)),
        ...(work.missing ? [missing] : []),
      ];
    },
    fetch: fetchPublic(client),
    close: () => client.close(),
  };
}
