// What an operator may configure. Whatever ends up in a file of nginx is held to signs that cannot end a word there.

import { keptAssetsSchema, twinsSchema, z } from 'treecast/plugin';

const path = z
  .string()
  .min(1)
  .max(500)
  .regex(/^\/[^\p{Cc}$]*$/u, 'must be an absolute path')
  .refine((value) => !value.split('/').includes('..'), 'must have no ..');

/** A path of the tree, as a URL has it behind its first slash. */
const pathInTree = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\w@%+~,.-]+(?:\/[\w@%+~,.-]+)*$/, 'must be a path inside the tree, such as 404.html')
  .refine(
    (value) => !value.split('/').some((name) => name === '.' || name === '..'),
    'must lie inside the tree',
  );

const siteName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be the name of a site');

/** What the repository may use: each of these can be held inside the tree (site-configuration.ts). */
export const siteDirectives = [
  'rewrite',
  'return',
  'error_page',
  'expires',
  'add_header',
  'try_files',
  'location',
  'charset',
  'default_type',
] as const;
export type SiteDirective = (typeof siteDirectives)[number];

const serverSchema = z.strictObject({
  listen: z
    .array(
      z
        .string()
        .max(200)
        .regex(
          /^(?:unix:\/[\w./-]+|[\w.:*[\]-]+)(?: [a-z0-9_=]+)*$/,
          'must be what stands behind `listen`, such as "443 ssl"',
        ),
    )
    .min(1)
    .max(20)
    .describe('As behind nginx’s `listen`: `8080`, `127.0.0.1:80`, `443 ssl`.'),
  serverName: z
    .array(
      z
        .string()
        .max(253)
        .regex(/^[\w.*-]+$/, 'must be a host name'),
    )
    .max(200)
    .default([])
    .describe('Host names, as behind `server_name`.'),
  tls: z
    .strictObject({
      certificate: path.describe('PEM file on this node.'),
      key: path.describe('PEM file on this node.'),
    })
    .optional()
    .describe('For `listen … ssl`.'),
});
export type ServerSettings = z.output<typeof serverSchema>;

export const configurationSchema = z.strictObject({
  program: z.string().min(1).max(500).default('nginx').describe('nginx, by name or path.'),
  mainConfiguration: path.default('/etc/nginx/nginx.conf').describe('The file that nginx is started with.'),
  pidFile: path
    .optional()
    .describe('Where its process id lies. Default: as the main configuration or nginx itself says.'),
  includeDirectory: path
    .default('/etc/nginx/treecast')
    .describe('Treecast writes `<site>.conf` here: made when it is missing.'),
  servers: z
    .record(siteName, serverSchema)
    .default({})
    .describe('For these sites a whole `server` block is written; for others what one of your own includes.'),
  reload: z
    .strictObject({
      program: z.string().min(1).max(500),
      args: z.array(z.string().max(1000)).max(50).default([]),
    })
    .optional()
    .describe('What reloads nginx, such as systemctl with [reload, nginx]. Default: `nginx -s reload`.'),
  reloadSeconds: z
    .number()
    .min(0.1)
    .max(300)
    .default(10)
    .describe('How soon new workers must have started after a reload.'),
  virtualHosts: z
    .array(path)
    .min(1)
    .max(50)
    .optional()
    .describe(
      'Globs of files that are read, never written, to find the URLs of each site. Default: all that the main configuration includes.',
    ),
  releaseHeader: z
    .string()
    .max(100)
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'must be the name of a header')
    .default('Treecast-Release')
    .describe('The response header that names the release a response comes from.'),
  index: z.array(pathInTree).min(1).max(10).default(['index.html']).describe('Index files of directories.'),
  cleanUrls: z
    .array(z.string().regex(/^\.[a-z0-9]{1,10}$/, 'must be a suffix such as .html'))
    .max(5)
    .default([])
    .describe('Suffixes that a URL may leave out.'),
  fallback: pathInTree
    .optional()
    .describe('Answers every URL that is missing, with status 200: for single-page applications.'),
  errorPage: pathInTree.optional().describe('The page for status 404.'),
  twins: twinsSchema.optional().describe('Precompressed twins: which are written and served. Default: none.'),
  keptAssets: keptAssetsSchema
    .optional()
    .describe('How long assets of former releases stay reachable. Default: not at all.'),
  assetExpires: z
    .string()
    .regex(/^(?:\d{1,9}[smhdwMy]|max)$/, 'must be a time such as 365d')
    .optional()
    .describe('`expires` for what `keptAssets.paths` names.'),
  openFileCache: z
    .enum(['keep', 'off'])
    .default('keep')
    .describe(
      '`keep`: as your configuration has it (a release has paths of its own, so nothing old is served); `off`: not for these sites.',
    ),
  cacheReload: z
    .boolean()
    .default(false)
    .describe(
      'Reload after every switch: for server blocks of your own with `open_file_cache` and the live link as `root`.',
    ),
  siteConfiguration: z
    .strictObject({
      path: pathInTree.default('treecast/nginx.conf').describe('The file in the repository.'),
      directives: z
        .array(z.enum(siteDirectives))
        .min(1)
        .default(['rewrite', 'return', 'error_page', 'expires', 'add_header', 'try_files', 'location'])
        .describe('What it may use.'),
    })
    .optional()
    .describe('Lets the repository bring configuration of its site. Default: it may not.'),
});

export type Configuration = z.output<typeof configurationSchema>;
