// Does the sitemap say what changed? Search engines trust lastmod only while it is right. Tells; changes nothing and calls nobody.

import { readSitemap } from './read-sitemap.ts';
import type { SitemapConfig } from './search-index-config.ts';
import type { SearchTarget } from './search-target.ts';

const dayMs = 86_400_000;
const namedMax = 10;

export function createSitemapTarget({ path, toleranceDays }: SitemapConfig): SearchTarget {
  return {
    title: `sitemap ${path}`,
    async reindex(event, { log }) {
      const listed = await readSitemap(path, event);
      const publishDay = Math.floor(event.content.decidedAt / dayMs);
      const updated = event.updated.map(({ url }) => url);
      const old = updated.filter((url) => isOld(listed.get(url), publishDay - toleranceDays));
      const missing = updated.filter((url) => !listed.has(url));
      const gone = event.deleted.filter((url) => listed.has(url));
      const findings = [
        finding(old, 'changed, but the lastmod is older'),
        finding(missing, 'changed, but not listed'),
        finding(gone, 'deleted, but still listed'),
      ].filter((text) => text !== undefined);
      if (findings.length === 0) return 'up to date with all pages that changed';
      const text = findings.join('; ');
      log.warn({ sitemap: path, old: old.length, missing: missing.length, gone: gone.length }, text);
      return text;
    },
  };
}

/** A page without lastmod says nothing wrong. A date that cannot be read is as good as none. */
function isOld(lastmod: string | null | undefined, oldestDay: number): boolean {
  if (lastmod === null || lastmod === undefined || !/^\d{4}(?:-\d\d){0,2}/.test(lastmod)) return false;
  const at = Date.parse(lastmod);
  return !Number.isNaN(at) && Math.floor(at / dayMs) < oldestDay;
}

function finding(urls: readonly string[], what: string): string | undefined {
  if (urls.length === 0) return undefined;
  const rest = urls.length - namedMax;
  const named = urls.slice(0, namedMax).map((url) => URL.parse(url)?.pathname ?? url);
  return `${urls.length} ${what}: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
