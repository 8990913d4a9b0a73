// What an operator may configure. Whatever ends up in a file of Apache is held to signs that cannot end a word or start a variable there.

import { keptAssetsSchema, twinsSchema, z } from 'treecast/plugin';

const path = z
  .string()
  .min(1)
  .max(500)
  .regex(/^\/[^\p{Cc}"\\$%]*$/u, 'must be an absolute path without " \\ $ %')
  .refine((value) => !value.split('/').includes('..'), 'must have no ..');

/** A path of the tree, as a URL has it behind its first slash. */
const pathInTree = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\w@+~,.-]+(?:\/[\w@+~,.-]+)*$/, 'must be a path inside the tree, such as 404.html')
  .refine(
    (value) => !value.split('/').some((name) => name === '.' || name === '..'),
    'must lie inside the tree',
  );

const siteName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be the name of a site');
const header = z
  .string()
  .max(100)
  .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'must be the name of a header');

const serverSchema = z.strictObject({
  listen: z
    .array(
      z
        .string()
        .max(200)
        .regex(/^(?:\*|[\w.-]+|\[[\da-fA-F:.]+\])(?::(?:\d{1,5}|\*))?$/, 'must be an address such as *:80'),
    )
    .min(1)
    .max(20)
    .default(['*:80'])
    .describe('The addresses of the virtual host; your configuration has the `Listen` for them.'),
  serverName: z
    .string()
    .max(300)
    .regex(/^(?:https?:\/\/)?[\w.-]+(?::\d{1,5})?$/, 'must be a host name')
    .describe('As behind `ServerName`.'),
  aliases: z
    .array(
      z
        .string()
        .max(253)
        .regex(/^[\w.*?-]+$/, 'must be a host name'),
    )
    .max(200)
    .default([])
    .describe('As behind `ServerAlias`.'),
  tls: z
    .strictObject({
      certificate: path.describe('PEM file on this node.'),
      key: path.describe('PEM file on this node.'),
    })
    .optional()
    .describe('Makes it `SSLEngine on`; needs mod_ssl.'),
});
export type ServerSettings = z.output<typeof serverSchema>;

/** What `AllowOverride` knows, without the classes that a set of them would contradict. */
export const overrideClasses = ['AuthConfig', 'FileInfo', 'Indexes', 'Limit', 'Options'] as const;
export type OverrideClass = (typeof overrideClasses)[number];

export const apacheConfigSchema = z
  .strictObject({
    program: z
      .string()
      .min(1)
      .max(500)
      .default('apachectl')
      .describe('Apache, by name or path: `apachectl`, or `httpd` where apachectl passes nothing on.'),
    arguments: z
      .array(z.string().max(1000))
      .max(50)
      .default([])
      .describe('What Apache is started with, such as [-f, /srv/httpd.conf].'),
    includeDirectory: path
      .default('/etc/apache2/treecast')
      .describe('Treecast writes here: made when it is missing.'),
    servers: z
      .record(siteName, serverSchema)
      .default({})
      .describe(
        'For these sites a whole virtual host is written to `<site>.conf`; for others directives to `<site>.inc`, for a virtual host of your own to include.',
      ),
    reload: z
      .strictObject({
        program: z.string().min(1).max(500),
        args: z.array(z.string().max(1000)).max(50).default([]),
      })
      .optional()
      .describe('What reloads Apache, such as systemctl with [reload, apache2]. Default: `-k graceful`.'),
    reloadSeconds: z
      .number()
      .min(0.1)
      .max(300)
      .default(10)
      .describe('How soon Apache must have taken a configuration over after a reload.'),
    pin: z
      .boolean()
      .default(true)
      .describe(
        'Each request reads once which release is live, and all of its answer is of that release. Needs mod_rewrite. False: Apache follows the live link at every look at a file.',
      ),
    treeHeader: header
      .default('Treecast-Tree')
      .describe('With `pin`: the response header with the id of the tree. Needs mod_headers.'),
    releaseHeader: header
      .default('Treecast-Release')
      .describe('With `pin`: the response header with the name of the release.'),
    except: z
      .array(
        z
          .string()
          .max(200)
          .regex(/^\/[\w@+~,./-]+$/, 'must be the beginning of a URL path, such as /uploads'),
      )
      .max(100)
      .default([])
      .describe('URL paths below which your own rules and aliases answer, not the tree.'),
    index: z.array(pathInTree).min(1).max(10).default(['index.html']).describe('Index files of directories.'),
    fallback: pathInTree
      .optional()
      .describe('Answers every URL that is missing, with status 200: for single-page applications.'),
    errorPage: pathInTree.optional().describe('The page for status 404.'),
    twins: twinsSchema
      .optional()
      .describe(
        'Precompressed twins: which are written and served. Default: none. Needs mod_rewrite, mod_headers.',
      ),
    keptAssets: keptAssetsSchema
      .optional()
      .describe('How long assets of former releases stay reachable. Default: not at all. Needs mod_rewrite.'),
    allowOverride: z
      .union([z.enum(['None', 'All']), z.array(z.enum(overrideClasses)).min(1)])
      .default('None')
      .describe(
        'What .htaccess files of the tree may set: `None`, `All`, or a list such as [AuthConfig, Indexes].',
      ),
  })
  .superRefine(({ pin, allowOverride }, context) => {
    const rewrites = allowOverride === 'All' || allowOverride.includes('FileInfo');
    if (pin && rewrites)
      context.addIssue({
        code: 'custom',
        path: ['pin'],
        message:
          'has to be false where .htaccess files may rewrite (allowOverride All or FileInfo): their rules would name files outside the document root',
      });
  });

export type ApacheConfig = z.output<typeof apacheConfigSchema>;

/** The classes that .htaccess files may use; none when Apache does not read them. */
export function allowedClasses({
  allowOverride,
}: Pick<ApacheConfig, 'allowOverride'>): readonly OverrideClass[] {
  if (allowOverride === 'None') return [];
  return allowOverride === 'All' ? overrideClasses : allowOverride;
}
