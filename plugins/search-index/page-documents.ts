// Pages as documents of a search index: one for each page that wants to be found, and the ids of those that went away, want not to be
// found, or name another page as the one to find.

import { createHash } from 'node:crypto';
import { pageText } from './page-text.ts';
import type { PagesEvent } from './search-target.ts';

export interface PageDocument {
  readonly id: string;
  readonly site: string;
  readonly url: string;
  readonly path: string;
  readonly title: string;
  readonly description: string;
  readonly language: string;
  readonly content: string;
  /** Milliseconds since 1970 of the publish that changed it last. */
  readonly publishedAt: number;
}

export type DocumentChange = { readonly put: PageDocument } | { readonly remove: string };

/** One after another: a site's pages are never in memory together. */
export async function* documentChanges(
  event: PagesEvent,
  contentCharacters: number,
): AsyncGenerator<DocumentChange> {
  const { content, updated, deleted } = event;
  for (const url of deleted) yield { remove: documentId(url) };
  for (const { url, path } of updated) {
    const bytes = await content.read(path);
    const id = documentId(url);
    if (bytes === null) {
      yield { remove: id };
      continue;
    }
    const { noindex, canonical, ...text } = pageText(path, bytes, contentCharacters);
    if (noindex || isAnotherPage(canonical, url)) yield { remove: id };
    else yield { put: { id, site: content.site, url, path, ...text, publishedAt: content.decidedAt } };
  }
}

/** Fit for every index: letters, digits, `-` and `_`. */
export function documentId(url: string): string {
  return createHash('sha256').update(url).digest('base64url');
}

/** Only the path counts: sites are built for one origin and served under several, and spell the same page in several ways. */
function isAnotherPage(canonical: string, url: string): boolean {
  const target = canonical === '' ? null : URL.parse(canonical, url);
  const isPage = target?.protocol === 'http:' || target?.protocol === 'https:';
  return isPage && plainPath(target.href) !== plainPath(url);
}

function plainPath(url: string): string {
  const { pathname } = new URL(url);
  const path = pathname.replace(/\/index\.[a-z]{3,5}$/, '/').replace(/\.x?html?$/, '');
  return path.endsWith('/') ? path.slice(0, -1) : path;
}
