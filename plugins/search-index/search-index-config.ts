// Which search engines and indexes hear of changed pages, as an operator writes it.

import { secret, urlMapSchema, z } from 'treecast/plugin';

const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2000)
  .refine((url) => !URL.canParse(url) || new URL(url).username === '', 'must hold no user and password');
const base = webUrl.transform((url) => url.replace(/\/+$/, ''));
const glob = z.string().min(1).max(500);
const treePath = z
  .string()
  .min(1)
  .max(1000)
  .regex(/^[^/](?:.*[^/])?$/, 'must be a path in the tree, without a slash at its ends');

const indexnow = z.strictObject({
  endpoint: webUrl
    .default('https://api.indexnow.org/indexnow')
    .describe('Of one search engine; it tells the others.'),
  key: secret()
    .refine((key) => /^[a-zA-Z0-9-]{8,128}$/.test(key.reveal()), {
      error: 'must have 8 to 128 letters, digits and dashes',
    })
    .describe('The key, which the site serves as a text file.'),
  keyLocation: webUrl
    .optional()
    .describe('Where it is served; default: `/<key>.txt`. Only URLs below its directory are sent.'),
  sitemap: treePath
    .optional()
    .describe('Changed pages that this sitemap does not list are not sent; deleted ones always are.'),
});

const sitemap = z.strictObject({
  path: treePath
    .default('sitemap.xml')
    .describe('A sitemap or an index of sitemaps in the tree, also gzipped.'),
  toleranceDays: z
    .int()
    .min(0)
    .max(365)
    .default(1)
    .describe('How many days before that of the publish a changed page’s lastmod may lie.'),
});

const contentCharacters = z
  .int()
  .min(0)
  .max(1_000_000)
  .default(50_000)
  .describe('How much of a page’s text is kept.');

const meilisearch = z.strictObject({
  url: base.describe('Where it listens, such as http://search.example.org:7700.'),
  index: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,400}$/, 'must have letters, digits, `-` and `_` alone')
    .describe('The index’s uid; it is made when it is not there.'),
  apiKey: secret()
    .optional()
    .describe('A key with documents.add, documents.delete, indexes.create and tasks.get.'),
  contentCharacters,
});

const opensearch = z
  .strictObject({
    url: base.describe('Where OpenSearch or Elasticsearch listens.'),
    index: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,254}$/, 'must have small letters, digits, `.`, `-` and `_` alone')
      .describe('The index or alias.'),
    user: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^:]*$/, 'must hold no colon')
      .optional()
      .describe('Basic authentication: the user …'),
    password: secret().optional().describe('… and the password.'),
    apiKey: secret()
      .optional()
      .describe('Or an API key, as Elasticsearch gives it out (`Authorization: ApiKey`).'),
    contentCharacters,
  })
  .superRefine(({ user, password, apiKey }, context) => {
    const issue = (message: string): void => context.addIssue({ code: 'custom', message });
    if ((user === undefined) !== (password === undefined))
      issue('needs both `user` and `password`, or neither');
    if (apiKey !== undefined && password !== undefined) issue('takes `apiKey` or `password`, not both');
  });

const kinds = ['indexnow', 'sitemap', 'meilisearch', 'opensearch'] as const;

const target = z
  .strictObject({
    indexnow: indexnow.optional().describe('Tells search engines which URLs changed.'),
    sitemap: sitemap.optional().describe('Checks that the sitemap says so too.'),
    meilisearch: meilisearch.optional().describe('Documents in a Meilisearch index.'),
    opensearch: opensearch.optional().describe('Documents in an OpenSearch or Elasticsearch index.'),
  })
  .refine((one) => kinds.filter((kind) => one[kind] !== undefined).length === 1, {
    error: `needs one of ${kinds.join(', ')}`,
  });

export const searchIndexConfigSchema = z.strictObject({
  pages: z
    .array(glob)
    .min(1)
    .max(100)
    .default(['**/*.html'])
    .describe('Globs of the paths that are pages. Error pages of the URL map never are.'),
  exclude: z.array(glob).max(1000).default([]).describe('Globs of paths that are not.'),
  origin: z
    .string()
    .refine((text) => URL.canParse(text) && new URL(text).origin === text, {
      error: 'is not an origin such as https://example.org',
    })
    .optional()
    .describe('The origin search engines know the site by; default: the first of the URL map.'),
  urlMap: urlMapSchema
    .optional()
    .describe('How paths become URLs; default: as found in the configuration of the web servers.'),
  targets: z.array(target).min(1).max(20).describe('Who hears; they are told side by side.'),
});

export type SearchIndexConfig = z.output<typeof searchIndexConfigSchema>;
export type IndexnowConfig = z.output<typeof indexnow>;
export type SitemapConfig = z.output<typeof sitemap>;
export type MeilisearchConfig = z.output<typeof meilisearch>;
export type OpensearchConfig = z.output<typeof opensearch>;
