// A URL taken apart as it stands: caches compare the spelling, so nothing may be normalized on the way.

export interface UrlParts {
  readonly scheme: string;
  /** With the port when it is not the scheme's own. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

export function urlParts(url: string): UrlParts {
  const [, scheme = '', host = '', path = ''] = /^([a-z]+):\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  return { scheme, host, path: path.startsWith('/') ? path : `/${path}` };
}

/** URLs that are one object for a cache behind the scheme (it sees host and path alone), by that object. */
export function byHostAndPath(urls: readonly string[]): Map<string, UrlParts & { readonly urls: string[] }> {
  const objects = new Map<string, UrlParts & { readonly urls: string[] }>();
  for (const url of urls) {
    const parts = urlParts(url);
    const key = `${parts.host}${parts.path}`;
    const known = objects.get(key);
    if (known === undefined) objects.set(key, { ...parts, urls: [url] });
    else known.urls.push(url);
  }
  return objects;
}

export function hostsOf(origins: readonly string[]): string[] {
  return [...new Set(origins.map((origin) => urlParts(origin).host))];
}
