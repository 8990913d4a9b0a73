// How a site's paths become URLs: what a web server's virtual hosts say, as data. Rules are plain patterns; the order matters.

import { z } from 'zod';

const origin = z
  .string()
  .max(300)
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    'is not an origin such as https://example.org',
  );

/** Each combination of variants may be a purge of its own. */
const combinationsMax = 200;

/** Everything has a default but the origins: the names the site is asked for by. */
export const urlMapSchema = z.strictObject({
  origins: z
    .array(origin)
    .min(1)
    .max(100)
    .describe('The origins the site is served under, such as https://example.org.'),
  prefix: z
    .string()
    .regex(/^\/(?:[^?#]*\/)?$/, 'must begin and end with /')
    .default('/')
    .describe('Where the tree is mounted.'),
  index: z
    .array(
      z
        .string()
        .min(1)
        .regex(/^[^/]+$/),
    )
    .max(20)
    .default(['index.html'])
    .describe('Index files, the first that exists wins.'),
  directoryWithoutSlash: z
    .union([z.boolean(), z.literal('redirect')])
    .default(true)
    .describe(
      'Also the directory without the slash at the end. `redirect`: it is answered by a redirect, which is stale only when the directory comes or goes.',
    ),
  cleanUrls: z
    .array(z.string().startsWith('.').max(20))
    .max(10)
    .default([])
    .describe('Suffixes that a URL may leave out: `.html` makes /a stand for a.html too.'),
  rewrites: z
    .array(
      z.strictObject({
        path: z.string().min(1).max(500).describe('A glob of paths of the tree.'),
        urls: z
          .array(z.string().startsWith('/').max(500))
          .min(1)
          .max(50)
          .describe(
            'URL paths (from the root of the origin) it is (also) served under; `{path}`, `{dir}`, `{name}` and `{stem}` stand for parts of the path.',
          ),
        only: z.boolean().default(false).describe('It is served under these alone.'),
      }),
    )
    .max(1000)
    .default([])
    .describe('Paths that are (also) served under other URLs.'),
  errorPages: z
    .array(z.string().min(1))
    .max(20)
    .default([])
    .describe(
      'Paths (such as 404.html) that are served under any URL that is missing: when one changes, everything cached as missing is stale.',
    ),
  variants: z
    .array(
      z.strictObject({
        header: z
          .string()
          .regex(/^[A-Za-z-]+$/)
          .describe('The request header.'),
        values: z.array(z.string().max(200)).min(1).max(50).describe('Its values.'),
      }),
    )
    .max(5)
    .refine(
      (list) => list.reduce((product, { values }) => product * values.length, 1) <= combinationsMax,
      `have more than ${combinationsMax} combinations`,
    )
    .default([])
    .describe(
      'Request headers that caches keep apart, such as Accept-Encoding or Accept-Language, with the values to name in a purge.',
    ),
  related: z
    .array(
      z.strictObject({
        when: z.string().min(1).max(500).describe('A glob: when one of these paths changed …'),
        urls: z
          .array(z.string().startsWith('/').max(500))
          .min(1)
          .max(100)
          .describe('… these URL paths changed too (feeds, sitemap, listings).'),
      }),
    )
    .max(1000)
    .default([])
    .describe('URLs that change with paths they are not the URL of.'),
});

export type UrlMap = z.output<typeof urlMapSchema>;
export type UrlMapInput = z.input<typeof urlMapSchema>;
