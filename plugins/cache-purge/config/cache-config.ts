// The configuration of the plugin: a list of caches, each of a kind, and what is decided for all of them.

import { urlMapSchema, z } from 'treecast/plugin';
import { nginxSchema, squidSchema, varnishSchema } from './server-caches.ts';
import { cloudflareSchema, fastlySchema, httpSchema } from './service-caches.ts';

export const cachePurgeSchema = z
  .strictObject({
    caches: z
      .array(
        z.discriminatedUnion('kind', [
          varnishSchema,
          squidSchema,
          nginxSchema,
          fastlySchema,
          cloudflareSchema,
          httpSchema,
        ]),
      )
      .min(1)
      .max(50)
      .describe('The caches.'),
    urlMap: urlMapSchema
      .optional()
      .describe('How paths become URLs; default: as the web servers’ plugins found it on the nodes.'),
    urlsMax: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(50_000)
      .describe('More stale URLs than that, and everything under the origins is purged instead.'),
    knownObjectsMax: z
      .int()
      .min(0)
      .max(10_000_000)
      .default(100_000)
      .describe('Rows of the list of what caches hold.'),
  })
  .check(({ value, issues }) => {
    for (const [index, cache] of value.caches.entries()) {
      if ('soft' in cache && cache.soft && cache.readBack !== 'none')
        issues.push({
          code: 'custom',
          continue: true,
          input: value,
          path: ['caches', index, 'readBack'],
          message: 'cannot be used with `soft`: the old object is served once more',
        });
    }
    const names = value.caches.map((cache) => cache.name);
    for (const twice of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
      issues.push({
        code: 'custom',
        continue: true,
        input: value,
        path: ['caches'],
        message: `two caches are called ${twice}`,
      });
  });

export type CachePurgeConfig = z.output<typeof cachePurgeSchema>;
export type CacheConfig = CachePurgeConfig['caches'][number];
export type CacheConfigOf<Kind extends CacheConfig['kind']> = Extract<CacheConfig, { readonly kind: Kind }>;
