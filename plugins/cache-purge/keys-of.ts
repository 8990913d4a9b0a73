// Surrogate keys (cache tags) of URLs, from the templates of the configuration; URLs that share a key are purged together.

import type { PurgeWork } from './purge-work.ts';
import { urlParts } from './url-parts.ts';

export interface KeyOfUrls {
  readonly key: string;
  readonly urls: readonly string[];
}

export interface KeysOfUrls {
  readonly usable: readonly KeyOfUrls[];
  /** URLs with a key that the cache cannot take: they are purged as URLs. */
  readonly unusable: readonly string[];
}

export function keysOf(
  { urls, site }: Pick<PurgeWork, 'urls' | 'site'>,
  templates: readonly string[],
  isUsable: (key: string) => boolean = () => true,
): KeysOfUrls {
  const byKey = new Map<string, string[]>();
  const unusable = new Set<string>();
  for (const url of urls) {
    const { host, path } = urlParts(url);
    const parts: Readonly<Record<string, string>> = { host, path, site };
    for (const template of templates) {
      const key = template.replace(/\{(host|path|site)\}/g, (_, part: string) => parts[part] ?? '');
      const known = byKey.get(key);
      if (!isUsable(key)) unusable.add(url);
      else if (known === undefined) byKey.set(key, [url]);
      else known.push(url);
    }
  }
  return { usable: [...byKey].map(([key, list]) => ({ key, urls: list })), unusable: [...unusable] };
}
