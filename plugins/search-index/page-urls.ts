// The one URL of each page that search engines should know: directories for index files, clean names, the only name a rewrite leaves.
// Of several files that could answer under one URL, the first of the map's order does; the others keep their own names.

import { pathGlob, type UrlMap } from 'treecast/plugin';

export interface PageUrls {
  /** `exists`: which files the tree has that the URL is of. */
  urlOf(path: string, exists: (path: string) => boolean): string;
}

export function createPageUrls(map: UrlMap, origin: string): PageUrls {
  const moved = map.rewrites
    .filter(({ only }) => only)
    .map(({ path, urls }) => ({ matches: pathGlob(path), urls }));

  function winsAsIndex(path: string, exists: (path: string) => boolean): boolean {
    const { directory, name } = split(path);
    const rank = map.index.indexOf(name);
    return rank >= 0 && !map.index.slice(0, rank).some((earlier) => exists(directory + earlier));
  }

  function urlPath(path: string, exists: (path: string) => boolean): string {
    const rewrite = moved.find(({ matches }) => matches(path));
    if (rewrite?.urls[0] !== undefined) return filledIn(rewrite.urls[0], path);
    if (winsAsIndex(path, exists)) return map.prefix + spelled(split(path).directory);
    return map.prefix + spelled(cleanName(path, exists) ?? path);
  }

  /** Undefined when another file answers there. */
  function cleanName(path: string, exists: (path: string) => boolean): string | undefined {
    const { directory, name } = split(path);
    const rank = map.cleanUrls.findIndex((end) => name.length > end.length && name.endsWith(end));
    const stem = name.slice(0, -(map.cleanUrls[rank]?.length ?? 0));
    if (rank < 0) return undefined;
    const earlier = ['', ...map.cleanUrls.slice(0, rank)];
    return earlier.some((end) => exists(directory + stem + end)) ? undefined : directory + stem;
  }

  return { urlOf: (path, exists) => new URL(urlPath(path, exists), origin).href };
}

function filledIn(url: string, path: string): string {
  const { directory, name } = split(path);
  const dot = name.lastIndexOf('.');
  const values: Readonly<Record<string, string>> = {
    path,
    dir: directory.slice(0, -1),
    name,
    stem: dot > 0 ? name.slice(0, dot) : name,
  };
  return url.replace(/\{(path|dir|name|stem)\}/g, (_, key: string) => spelled(values[key] ?? ''));
}

function split(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/') + 1;
  return { directory: path.slice(0, slash), name: path.slice(slash) };
}

/** What would mean something else in a URL; the URL parser spells the rest as browsers do. */
function spelled(path: string): string {
  return path.replace(/[%\\?#\t\n\r]/g, (character) => encodeURIComponent(character));
}
