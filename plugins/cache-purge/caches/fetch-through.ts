// Asking for an object through a cache that is reached at an address of its own: Host says which site.

import type { CacheClient } from '../http/cache-client.ts';
import type { Cache } from '../purge-work.ts';
import { urlParts } from '../url-parts.ts';

export function fetchThrough(client: CacheClient): NonNullable<Cache['fetch']> {
  return (target, url, headers, signal) => {
    const { host, path } = urlParts(url);
    return client.send({ endpoint: target, method: 'GET', path, headers: { host, ...headers } }, signal);
  };
}

/** A content delivery network is asked under the site's own name. */
export function fetchPublic(client: CacheClient): NonNullable<Cache['fetch']> {
  return (_target, url, headers, signal) => {
    const { scheme, host, path } = urlParts(url);
    return client.send({ endpoint: `${scheme}://${host}`, method: 'GET', path, headers }, signal);
  };
}
