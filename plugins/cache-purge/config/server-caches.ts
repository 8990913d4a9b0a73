// The configuration of caches that run on one's own machines: Varnish, Squid, nginx.

import { secret, z } from 'treecast/plugin';
import { endpoints, everyCache, headerName, headerValue, keyTemplates } from './every-cache.ts';

export const varnishSchema = z.strictObject({
  kind: z.literal('varnish').describe('Which kind of cache this is.'),
  ...everyCache,
  endpoints,
  mode: z
    .enum(['purge', 'ban', 'xkey'])
    .default('purge')
    .describe('`purge`: one call a URL; `ban`: patterns, many URLs a call; `xkey`: keys (vmod xkey).'),
  soft: z.boolean().default(false).describe('Stale objects may be served once more while they are fetched.'),
  withQueries: z.boolean().default(false).describe('`ban`: also every query string behind a URL.'),
  keys: keyTemplates,
  secret: secret().optional().describe('Sent in `secretHeader`.'),
  secretHeader: headerName.default('x-treecast-secret').describe('The header that the VCL compares.'),
});

export const squidSchema = z.strictObject({
  kind: z.literal('squid').describe('Which kind of cache this is.'),
  ...everyCache,
  endpoints,
  headers: z.record(headerName, headerValue).default({}).describe('Sent along.'),
});

export const nginxSchema = z
  .strictObject({
    kind: z.literal('nginx').describe('Which kind of cache this is.'),
    ...everyCache,
    mode: z
      .enum(['files', 'purge', 'bypass'])
      .describe(
        '`files`: on this machine, by removing cache files; `purge`: a location of ngx_cache_purge; `bypass`: fetched anew with a header.',
      ),
    endpoints: endpoints.default([]),
    cacheDirectory: z
      .string()
      .startsWith('/', 'must be an absolute path')
      .optional()
      .describe('The path of proxy_cache_path.'),
    levels: z
      .string()
      .regex(/^[12](?::[12]){0,2}$/, 'is not like 1:2')
      .default('1:2')
      .describe('As in proxy_cache_path.'),
    keyTemplate: z
      .string()
      .min(1)
      .max(500)
      .default('http://$proxy_host$request_uri')
      .describe(
        'The value of proxy_cache_key; the default is nginx’s own with `proxy_pass http://…` and no URI.',
      ),
    proxyHost: z
      .string()
      .max(300)
      .default('')
      .describe('What $proxy_host is: the name (and port) in proxy_pass.'),
    scheme: z
      .enum(['http', 'https'])
      .optional()
      .describe('What $scheme is where nginx is reached by another way; default: the URL’s.'),
    scan: z
      .boolean()
      .default(false)
      .describe('Read the key of every cache file instead of computing its name: finds all variants (Vary).'),
    purgePath: z
      .string()
      .startsWith('/')
      .max(200)
      .default('/purge')
      .describe('The location of `purge`; the URL’s path is put behind it.'),
    bypassHeader: headerName
      .default('x-treecast-refresh')
      .describe('The header of proxy_cache_bypass, in `bypass`.'),
    secret: secret().optional().describe('Value of the bypass header; default 1.'),
  })
  .check(({ value, issues }) => {
    if (value.mode === 'files' && value.cacheDirectory === undefined)
      issues.push({
        code: 'custom',
        continue: true,
        input: value,
        path: ['cacheDirectory'],
        message: 'is needed with `mode: files`',
      });
    if (value.mode !== 'files' && value.endpoints.length === 0)
      issues.push({
        code: 'custom',
        continue: true,
        input: value,
        path: ['endpoints'],
        message: `is needed with \`mode: ${value.mode}\``,
      });
    if (value.mode === 'files' && value.keyTemplate.includes('$proxy_host') && value.proxyHost === '')
      issues.push({
        code: 'custom',
        continue: true,
        input: value,
        path: ['proxyHost'],
        message: 'is needed: keyTemplate has $proxy_host',
      });
  });
