// IndexNow: search engines are told which URLs changed or went away, and look at them themselves.

import { PluginError, type RequestAnswer } from 'treecast/plugin';
import { batchesOf, callService, isFine, refusal } from './call-service.ts';
import { readSitemap } from './read-sitemap.ts';
import type { IndexnowConfig } from './search-index-config.ts';
import type { PagesEvent, SearchTarget } from './search-target.ts';

const urlsInCallMax = 10_000;

export function createIndexnowTarget(config: IndexnowConfig): SearchTarget {
  const { endpoint, keyLocation } = config;
  const { host: engine } = new URL(endpoint);
  const key = config.key.reveal();
  return {
    title: `IndexNow at ${engine}`,
    async reindex(event, { signal }) {
      const { origin } = event;
      const { host } = new URL(origin);
      const below = keyLocation === undefined ? `${origin}/` : directoryOf(keyLocation, origin);
      const candidates = await urlsToSend(event, config.sitemap);
      const urls = candidates.filter((url) => url.startsWith(below));
      for (const urlList of batchesOf(urls, urlsInCallMax)) {
        const body = { host, key, ...(keyLocation === undefined ? {} : { keyLocation }), urlList };
        const answer = await callService(endpoint, {
          method: 'POST',
          headers: { 'content-type': 'application/json; charset=utf-8' },
          body: JSON.stringify(body),
          signal,
        });
        if (!isFine(answer)) throw refused(engine, answer);
      }
      const left = candidates.length - urls.length;
      return `${urls.length} URL${urls.length === 1 ? '' : 's'} sent${left === 0 ? '' : `, ${left} not below the directory of the key`}`;
    },
  };
}

async function urlsToSend(event: PagesEvent, sitemap: string | undefined): Promise<string[]> {
  const updated = event.updated.map(({ url }) => url);
  if (sitemap === undefined) return [...updated, ...event.deleted];
  const listed = await readSitemap(sitemap, event);
  return [...updated.filter((url) => listed.has(url)), ...event.deleted];
}

/** What a key speaks for: the URLs below the directory it lies in. */
function directoryOf(keyLocation: string, origin: string): string {
  const url = new URL(keyLocation);
  if (url.origin === origin) return new URL('.', url).href;
  throw new PluginError(`the key lies at ${url.origin}, but the site is ${origin}`, {
    fix: 'Serve the key file from the site itself and correct `keyLocation`, or name the `origin`.',
    retryable: false,
  });
}

function refused(engine: string, answer: RequestAnswer): PluginError {
  const { status } = answer;
  const fixes: Readonly<Record<number, string>> = {
    403: 'Serve the key as a text file at /<key>.txt or at `keyLocation`, with the key as its only content.',
    422: 'The URLs do not belong to the host, or the key does not: correct `origin` and `keyLocation`.',
  };
  const fix = fixes[status] ?? 'Look at what it says; correct the plugin’s configuration.';
  return refusal(`IndexNow at ${engine}`, answer, fix);
}
