// Which URL paths a rule of the URL map names for a path: globs compiled once, `{path}`, `{dir}`, `{name}` and `{stem}` filled in.

import { encodePath } from './encode-path.ts';
import { pathGlob } from './path-glob.ts';
import type { UrlMap } from './url-map.ts';

export interface RewrittenUrls {
  /** URL paths (from the root of the origin, percent-encoded) that rewrites and related rules name for this path. */
  of(path: string): string[];
  /** True when a rewrite with `only` takes the path away from its own URL. */
  hidden(path: string): boolean;
}

export function rewrittenUrls({ rewrites, related }: Pick<UrlMap, 'rewrites' | 'related'>): RewrittenUrls {
  const rules = rewrites.map(({ path, urls, only }) => ({ matches: pathGlob(path), urls, only }));
  const relations = related.map(({ when, urls }) => ({ matches: pathGlob(when), urls }));
  return {
    of(path) {
      const templates = [...rules, ...relations].filter(({ matches }) => matches(path));
      return templates.flatMap(({ urls }) => urls.map((template) => fill(template, path)));
    },
    hidden: (path) => rules.some(({ only, matches }) => only && matches(path)),
  };
}

function fill(template: string, path: string): string {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const dot = name.lastIndexOf('.');
  const parts: Readonly<Record<string, string>> = {
    path,
    dir: slash < 0 ? '' : path.slice(0, slash),
    name,
    stem: dot > 0 ? name.slice(0, dot) : name,
  };
  const filled = template
    // At the root `{dir}` is nothing, and takes the slash after it along.
    .replaceAll('{dir}/', parts['dir'] === '' ? '' : '{dir}/')
    .replace(/\{(path|dir|name|stem)\}/g, (_, part: string) => encodePath(parts[part] ?? ''));
  // What the operator wrote may hold a query and escapes already; only what no browser sends is escaped.
  return filled.replace(/[^!-~]+/gu, encodePath);
}
