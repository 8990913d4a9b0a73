// Exactly which pages changed: URLs that show something new, with the file that answers now, and URLs that show nothing any more.

import type { PathChange, UrlMap } from 'treecast/plugin';
import type { PageUrls } from './page-urls.ts';

export interface ChangedPages {
  readonly updated: readonly { readonly url: string; readonly path: string }[];
  readonly deleted: readonly string[];
}

export interface ChangedPagesInput {
  readonly changes: readonly PathChange[];
  readonly map: UrlMap;
  readonly urls: PageUrls;
  readonly isPage: (path: string) => boolean;
  /** Whether the tree that is live now has this file. */
  readonly exists: (path: string) => boolean;
}

export function changedPages({ changes, map, urls, isPage, exists }: ChangedPagesInput): ChangedPages {
  const kinds = new Map(changes.map(({ path, kind }) => [path, kind]));
  const existed = (path: string): boolean => {
    const kind = kinds.get(path);
    return kind === undefined ? exists(path) : kind !== 'added';
  };
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  for (const path of concerned(changes, map)) {
    if (!isPage(path)) continue;
    if (existed(path)) before.set(urls.urlOf(path, existed), path);
    if (exists(path)) after.set(urls.urlOf(path, exists), path);
  }
  const updated = [...after]
    .filter(([url, path]) => kinds.has(path) || before.get(url) !== path)
    .map(([url, path]) => ({ url, path }));
  const deleted = [...before.keys()].filter((url) => !after.has(url));
  return { updated, deleted };
}

/** What changed, and files beside one that came or went: another of them may answer for a directory or a clean name now. */
function concerned(changes: readonly PathChange[], { index, cleanUrls }: UrlMap): Set<string> {
  const paths = new Set<string>();
  for (const { path, kind } of changes) {
    paths.add(path);
    if (kind === 'changed') continue;
    const slash = path.lastIndexOf('/') + 1;
    if (index.includes(path.slice(slash))) for (const name of index) paths.add(path.slice(0, slash) + name);
    for (const stem of [
      path,
      ...cleanUrls.flatMap((end) => (path.endsWith(end) ? path.slice(0, -end.length) : [])),
    ])
      for (const end of cleanUrls) paths.add(stem + end);
  }
  return paths;
}
