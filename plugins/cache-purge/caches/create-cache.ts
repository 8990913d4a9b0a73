// From a configuration entry to the cache it describes.

import type { CacheConfig } from '../config/cache-config.ts';
import type { Cache } from '../purge-work.ts';
import { createCloudflare } from './cloudflare.ts';
import { createFastly } from './fastly.ts';
import { createGenericHttp } from './generic-http.ts';
import { createNginx } from './nginx.ts';
import { createSquid } from './squid.ts';
import { createVarnish } from './varnish.ts';

export function createCache(config: CacheConfig): Cache {
  switch (config.kind) {
    case 'varnish':
      return createVarnish(config);
    case 'squid':
      return createSquid(config);
    case 'nginx':
      return createNginx(config);
    case 'fastly':
      return createFastly(config);
    case 'cloudflare':
      return createCloudflare(config);
    case 'http':
      return createGenericHttp(config);
  }
}
