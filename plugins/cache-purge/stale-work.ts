// From a content event to what is stale: URLs by the map, or everything when there are too many to name.

import {
  type ContentEvent,
  PluginError,
  treeFacts,
  type UrlMap,
  urlsOfChanges,
  urlVariants,
} from 'treecast/plugin';
import { everythingItem, missingItem, type PurgeWork } from './purge-work.ts';

export interface StaleWork {
  readonly map: UrlMap;
  /** URLs, and marks for what has no URL. */
  readonly items: readonly string[];
}

export async function staleWork(
  event: ContentEvent,
  config: { readonly urlMap?: UrlMap | undefined; readonly urlsMax: number },
): Promise<StaleWork> {
  const map = config.urlMap ?? event.urlMap;
  if (map === null) {
    throw new PluginError(`nothing says under which URLs ${event.site} is served, so no cache was purged`, {
      fix: 'Set `urlMap` (at least its `origins`) in the configuration of cache-purge, or use a web server’s plugin on the nodes that finds it.',
      retryable: false,
    });
  }
  const changes = await event.changes();
  if (changes.length > config.urlsMax) return { map, items: [everythingItem] };
  const isEasy =
    changes.every(({ kind }) => kind === 'changed') && map.index.length <= 1 && map.cleanUrls.length === 0;
  const facts = isEasy ? undefined : treeFacts(await event.paths());
  const { urls, everythingMissing } = urlsOfChanges(changes, map, facts);
  if (urls.length > config.urlsMax) return { map, items: [everythingItem] };
  return { map, items: everythingMissing ? [...urls, missingItem] : urls };
}

/** Items as remembered, back into work. */
export function workOf(site: string, map: UrlMap, items: readonly string[]): PurgeWork {
  const everything = items.includes(everythingItem);
  const urls = items.filter((item) => item !== everythingItem && item !== missingItem);
  return {
    site,
    urls: everything ? [] : urls,
    missing: items.includes(missingItem),
    everything,
    origins: map.origins,
    prefix: map.prefix,
    variants: urlVariants(map),
  };
}
