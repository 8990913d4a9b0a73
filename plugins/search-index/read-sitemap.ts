// The URLs of a sitemap in the tree with their lastmod: also an index of sitemaps, and gzipped ones. Bounded; a document type (and with
// it entities of its own) is refused.

import { gunzipSync } from 'node:zlib';
import { XMLParser } from 'fast-xml-parser';
import { PluginError } from 'treecast/plugin';
import type { PagesEvent } from './search-target.ts';

/** As sitemaps.org has it. */
const sitemapBytesMax = 50 * 1_048_576;
const urlsInSitemapMax = 50_000;
const sitemapsInIndexMax = 50_000;
/** Treecast's own: what is kept in memory. */
const sitemapsMax = 100;
const urlsMax = 1_000_000;

/** By URL as written in normal form; null without lastmod. */
export type SitemapUrls = ReadonlyMap<string, string | null>;

export async function readSitemap(path: string, event: PagesEvent): Promise<SitemapUrls> {
  const urls = new Map<string, string | null>();
  const first = await readOne(path, event);
  if (first.sitemaps === undefined) return collect(urls, path, first.urls);
  if (first.sitemaps.length > sitemapsMax)
    throw unfit(path, `lists ${first.sitemaps.length} sitemaps, of which ${sitemapsMax} can be read`);
  for (const location of first.sitemaps) {
    const inner = pathInTree(location, event);
    // One that lies elsewhere speaks of other sites.
    if (inner === undefined) continue;
    const { urls: more, sitemaps } = await readOne(inner, event);
    if (sitemaps !== undefined)
      throw unfit(inner, 'is an index within an index, which search engines do not read');
    collect(urls, inner, more);
  }
  return urls;
}

interface Entry {
  readonly url: string;
  readonly lastmod: string | null;
}

function collect(into: Map<string, string | null>, path: string, entries: readonly Entry[]): SitemapUrls {
  if (entries.length > urlsInSitemapMax) throw unfit(path, `has more than ${urlsInSitemapMax} URLs`);
  for (const { url, lastmod } of entries) into.set(URL.parse(url)?.href ?? url, lastmod);
  if (into.size > urlsMax) throw unfit(path, `brings the sitemaps over ${urlsMax} URLs`);
  return into;
}

async function readOne(
  path: string,
  { content }: PagesEvent,
): Promise<{ readonly urls: readonly Entry[]; readonly sitemaps?: readonly string[] }> {
  const bytes = await content.read(path);
  if (bytes === null)
    throw new PluginError(`the sitemap ${path} is not in the tree`, {
      fix: 'Publish it with the site, or correct its path in the configuration.',
      retryable: false,
    });
  const text = Buffer.from(unpacked(path, bytes))
    .toString('utf8')
    .replace(/^\ufeff/, '');
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw unfit(path, 'has a document type, which no sitemap has');
  const root = parsed(path, text);
  const index = root['sitemapindex'];
  if (index !== undefined) {
    const sitemaps = listOf(index, 'sitemap').flatMap((entry) => textOf(entry, 'loc') ?? []);
    if (sitemaps.length > sitemapsInIndexMax)
      throw unfit(path, `lists more than ${sitemapsInIndexMax} sitemaps`);
    return { urls: [], sitemaps };
  }
  if (root['urlset'] === undefined) throw unfit(path, 'has neither <urlset> nor <sitemapindex>');
  const urls = listOf(root['urlset'], 'url').flatMap((entry): Entry[] => {
    const url = textOf(entry, 'loc');
    return url === undefined ? [] : [{ url, lastmod: textOf(entry, 'lastmod') ?? null }];
  });
  return { urls };
}

function unpacked(path: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    if (bytes.length > sitemapBytesMax) throw unfit(path, 'has more than 50 MiB');
    return bytes;
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: sitemapBytesMax });
  } catch (cause) {
    throw unfit(path, 'cannot be unpacked, or has more than 50 MiB unpacked', cause);
  }
}

type Node = Readonly<Record<string, unknown>>;

function parsed(path: string, text: string): Node {
  try {
    const parser = new XMLParser({
      removeNSPrefix: true,
      parseTagValue: false,
      ignoreAttributes: true,
      isArray: (name) => name === 'url' || name === 'sitemap',
    });
    return nodeOf(parser.parse(text, true));
  } catch (cause) {
    throw unfit(path, 'is no XML', cause);
  }
}

function nodeOf(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

function listOf(parent: unknown, name: string): readonly unknown[] {
  const value = nodeOf(parent)[name];
  return Array.isArray(value) ? value : [];
}

function textOf(parent: unknown, name: string): string | undefined {
  const value = nodeOf(parent)[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function pathInTree(location: string, { origin, prefix }: PagesEvent): string | undefined {
  const url = URL.parse(location);
  if (url === null || url.origin !== origin || !url.pathname.startsWith(prefix)) return undefined;
  try {
    return decodeURIComponent(url.pathname.slice(prefix.length));
  } catch {
    return undefined;
  }
}

function unfit(path: string, what: string, cause?: unknown): PluginError {
  return new PluginError(`the sitemap ${path} ${what}`, {
    fix: 'Mend what writes it, then publish again.',
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
}
