// Any cache with an HTTP call of its own: method, address, headers and body come from the configuration.

import { Secret } from 'treecast/plugin';
import { batches } from '../batches.ts';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { createCacheClient } from '../http/cache-client.ts';
import { judgeResponse } from '../http/judge-response.ts';
import { type Cache, everythingItem, missingItem, type PurgeStep } from '../purge-work.ts';
import { hostsOf, urlParts } from '../url-parts.ts';
import { fetchPublic } from './fetch-through.ts';
import { cannotForgetEverything } from './refused-work.ts';

interface Template {
  readonly method: string;
  readonly url: string;
  readonly body?: string | undefined;
}

export function createGenericHttp(config: CacheConfigOf<'http'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const own = Object.entries(config.headers);

  function step(
    template: Template,
    settles: readonly string[],
    values: Readonly<Record<string, string>>,
  ): PurgeStep {
    const { scheme, host, path } = urlParts(fill(template.url, values, encodeURIComponent));
    const headers = own.map(([name, value]) => [
      name.toLowerCase(),
      value instanceof Secret ? value.reveal() : fill(value, values),
    ]);
    const call = {
      endpoint: `${scheme}://${host}`,
      method: template.method,
      path,
      headers: Object.fromEntries(headers) as Record<string, string>,
    };
    const body = template.body === undefined ? undefined : fill(template.body, values);
    return {
      settles,
      async run(signal) {
        const response = await client.send(body === undefined ? call : { ...call, body }, signal);
        judgeResponse(response, (status) => config.ok.includes(status));
        return undefined;
      },
    };
  }

  return {
    name: config.name,
    targets: [config.name],
    steps(_target, work) {
      const hosts = hostsOf(work.origins);
      const { everything, missing } = config;
      if (work.everything) {
        if (everything === undefined) throw cannotForgetEverything(config.name);
        return hosts.map((host) => step(everything, [everythingItem, missingItem], { host }));
      }
      const urls = batches(work.urls, { entriesMax: config.batch }).map((batch) => {
        const [first = ''] = batch;
        const { host, path } = urlParts(first);
        return step(config, batch, { url: first, host, path, urls: JSON.stringify(batch) });
      });
      if (!work.missing || missing === undefined) return urls;
      return [...urls, ...hosts.map((host) => step(missing, [missingItem], { host }))];
    },
    fetch: fetchPublic(client),
    close: () => client.close(),
  };
}

function fill(
  template: string,
  values: Readonly<Record<string, string>>,
  escaped: (text: string) => string = (text) => text,
): string {
  return template.replace(/\{(urls|url|host|path)\}/g, (_, part: string) => {
    const value = values[part] ?? '';
    // Host and path are parts of a URL as they stand.
    return part === 'url' ? escaped(value) : value;
  });
}
