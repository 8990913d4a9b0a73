// The configuration of caches that are a service with an API: Fastly, Cloudflare, and any other with an HTTP call.

import { secret, z } from 'treecast/plugin';
import { endpoint, everyCache, headerName, headerValue, keyTemplates } from './every-cache.ts';

export const fastlySchema = z.strictObject({
  kind: z.literal('fastly').describe('Which kind of cache this is.'),
  ...everyCache,
  api: endpoint.default('https://api.fastly.com').describe('Where the API is.'),
  service: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, 'is no service id')
    .describe('The service id.'),
  token: secret().describe('An API token with the scope purge_select (and purge_all).'),
  mode: z
    .enum(['url', 'keys'])
    .default('url')
    .describe('`url`: one call a URL; `keys`: surrogate keys, 256 a call.'),
  keys: keyTemplates,
  soft: z.boolean().default(false).describe('Stale objects may be served while they are fetched.'),
  missingKey: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      'The key that the origin puts on 404 pages; without it everything is purged when such a page changed.',
    ),
});

export const cloudflareSchema = z.strictObject({
  kind: z.literal('cloudflare').describe('Which kind of cache this is.'),
  ...everyCache,
  api: endpoint.default('https://api.cloudflare.com').describe('Where the API is.'),
  zone: z
    .string()
    .regex(/^[a-f0-9]{32}$/, 'is no zone id (32 hexadecimal digits)')
    .describe('The zone id.'),
  token: secret().describe('An API token with the permission Cache Purge.'),
  mode: z.enum(['files', 'tags']).default('files').describe('What a call names: URLs, or cache tags.'),
  keys: keyTemplates,
  perCall: z.int().min(1).max(500).default(30).describe('Entries a call; what your plan allows.'),
  missingTag: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('The tag of 404 pages; without it the hosts are purged when such a page changed.'),
});

const template = z.strictObject({
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/)
    .describe('The method.'),
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000)
    .describe('The address; `{host}` is filled in.'),
  body: z.string().max(10_000).optional().describe('The body; `{host}` is filled in.'),
});

export const httpSchema = z
  .strictObject({
    kind: z.literal('http').describe('Which kind of cache this is.'),
    ...everyCache,
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, 'is no method')
      .default('PURGE')
      .describe('The method of a call.'),
    url: z
      .string()
      .regex(/^https?:\/\//, 'must begin with http:// or https://')
      .max(2_000)
      .describe('The address of a call; `{url}` (escaped), `{host}`, `{path}` are filled in.'),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe('Sent along; a value is a text (with `{host}` and `{path}`) or a secret.'),
    body: z.string().max(10_000).optional().describe('`{urls}` becomes a JSON list, `{url}` one URL.'),
    batch: z.int().min(1).max(10_000).default(1).describe('URLs a call.'),
    ok: z
      .array(z.int().min(200).max(499))
      .min(1)
      .max(50)
      .default([200, 202, 204, 404])
      .describe('Statuses that mean done.'),
    everything: template.optional().describe('The call that forgets everything of `{host}`.'),
    missing: template.optional().describe('The call that forgets what is cached as missing for `{host}`.'),
  })
  .check(({ value, issues }) => {
    if (value.batch > 1 && !(value.body ?? '').includes('{urls}'))
      issues.push({
        code: 'custom',
        continue: true,
        input: value,
        path: ['body'],
        message: 'has to hold {urls} with `batch` above 1',
      });
  });
