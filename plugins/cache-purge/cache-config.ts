// The configuration: a list of caches, each of a kind with its own keys, and what they have in common.

import { secret, urlMapSchema, z } from 'treecast/plugin';

const name = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    'is not a name: lower-case letters, digits, dots and dashes',
  );
const headerName = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'is no name of a header');
const headerValue = z.union([z.string().max(2_000), secret()]);
const endpoint = z
  .string()
  .refine((text) => {
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
    const { pathname, search, hash, username, password } = new URL(text);
    return pathname === '/' && search + hash + username + password === '';
  }, 'is not an address such as http://10.0.0.5:6081')
  .transform((text) => new URL(text).origin);
const endpoints = z
  .array(endpoint)
  .min(1)
  .max(100)
  .describe('Where each of its machines is reached: all of them are purged.');
const keyTemplates = z
  .array(
    z
      .string()
      .min(1)
      .max(500)
      .regex(/^[^\s,]+$/, 'may hold no space and no comma'),
  )
  .min(1)
  .max(10)
  .default(['{path}'])
  .describe('The keys that the origin puts on an object; `{path}`, `{host}` and `{site}` are filled in.');

const seconds = (most: number) => z.number().min(0).max(most);

const readBackCheck = z.strictObject({
  header: headerName.describe('The response header that tells a fresh object.'),
  contains: z
    .string()
    .max(500)
    .describe('What it has to hold; `{release}`, `{tree}` and `{commit}` are filled in.'),
});

/** What every cache has. */
const every = {
  name: name.describe('What it is called in logs, receipts and errors.'),
  sites: z.array(name).min(1).max(10_000).optional().describe('The sites it holds; default: all.'),
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Calls at the same time, to each of its machines.'),
  requestTimeout: z
    .number()
    .positive()
    .max(300)
    .default(10)
    .describe('Seconds without an answer until a call has failed.'),
  attempts: z
    .int()
    .min(1)
    .max(20)
    .default(4)
    .describe('Tries of one call on 429, 5xx and broken connections.'),
  retryDelay: seconds(60)
    .default(0.25)
    .describe('Seconds until the second try; doubled each time, unless the cache says Retry-After.'),
  fetchBound: seconds(3_600)
    .default(10)
    .describe(
      'Seconds that a fetch from the origin may take at most: then it is purged again, because a fetch that was under way may have put an old object back. 0: never again.',
    ),
  readBack: z
    .enum(['none', 'sample', 'all'])
    .default('none')
    .describe('Whether purged URLs are asked for through the cache, and must be fresh.'),
  sampleSize: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('URLs of a `sample`, those it was known to hold first.'),
  readBackCheck: readBackCheck.optional().describe('How a fresh object is told; default: by the header Age.'),
  warm: z
    .strictObject({
      urls: z
        .array(
          z
            .string()
            .max(2_000)
            .regex(/^(?:https?:\/\/|\/)/, 'must begin with / or http'),
        )
        .max(10_000)
        .default([])
        .describe('Asked for after each publish; one that begins with / at every origin.'),
      top: z
        .int()
        .min(0)
        .max(100_000)
        .default(0)
        .describe(
          'So many of the purged URLs that it held, those first that it was found to hold most often.',
        ),
      concurrency: z.int().min(1).max(64).default(4),
      ratePerSecond: z.number().positive().max(10_000).default(50),
    })
    .prefault({})
    .describe('What is fetched through it once it is purged, and how fast.'),
};

const varnish = z.strictObject({
  kind: z.literal('varnish'),
  ...every,
  endpoints,
  mode: z
    .enum(['purge', 'ban', 'xkey'])
    .default('purge')
    .describe('`purge`: one call a URL; `ban`: patterns, many URLs a call; `xkey`: keys (vmod xkey).'),
  soft: z.boolean().default(false).describe('Stale objects may be served once more while they are fetched.'),
  withQueries: z.boolean().default(false).describe('`ban`: also every query string behind a URL.'),
  keys: keyTemplates,
  secret: secret().optional().describe('Sent in `secretHeader`.'),
  secretHeader: headerName.default('x-treecast-secret'),
});

const squid = z.strictObject({
  kind: z.literal('squid'),
  ...every,
  endpoints,
  headers: z.record(headerName, headerValue).default({}).describe('Sent along.'),
});

const nginx = z
  .strictObject({
    kind: z.literal('nginx'),
    ...every,
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

const fastly = z.strictObject({
  kind: z.literal('fastly'),
  ...every,
  api: endpoint.default('https://api.fastly.com'),
  service: z.string().regex(/^[A-Za-z0-9]{1,64}$/, 'is no service id'),
  token: secret().describe('An API token with the scope purge_select (and purge_all).'),
  mode: z.enum(['url', 'keys']).default('url'),
  keys: keyTemplates,
  soft: z.boolean().default(false),
  missingKey: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      'The key that the origin puts on 404 pages; without it everything is purged when such a page changed.',
    ),
});

const cloudflare = z.strictObject({
  kind: z.literal('cloudflare'),
  ...every,
  api: endpoint.default('https://api.cloudflare.com'),
  zone: z.string().regex(/^[a-f0-9]{32}$/, 'is no zone id (32 hexadecimal digits)'),
  token: secret().describe('An API token with the permission Cache Purge.'),
  mode: z.enum(['files', 'tags', 'prefixes']).default('files'),
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
  method: z.string().regex(/^[A-Z]{1,20}$/),
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000),
  body: z.string().max(10_000).optional(),
});

const http = z
  .strictObject({
    kind: z.literal('http'),
    ...every,
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, 'is no method')
      .default('PURGE'),
    url: z
      .string()
      .regex(/^https?:\/\//, 'must begin with http:// or https://')
      .max(2_000)
      .describe('The address of a call; `{url}` (escaped), `{host}`, `{path}` are filled in.'),
    headers: z.record(headerName, headerValue).default({}),
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

export const cachePurgeSchema = z
  .strictObject({
    caches: z
      .array(z.discriminatedUnion('kind', [varnish, squid, nginx, fastly, cloudflare, http]))
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
