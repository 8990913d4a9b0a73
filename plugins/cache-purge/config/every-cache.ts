// What every cache has in its configuration, and the pieces that several kinds use. Not what a kind needs of its own.

import { secret, z } from 'treecast/plugin';

export const cacheName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    'is not a name: lower-case letters, digits, dots and dashes',
  );
export const headerName = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'is no name of a header');
export const headerValue = z.union([z.string().max(2_000), secret()]);
export const endpoint = z
  .string()
  .refine((text) => {
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
    const { pathname, search, hash, username, password } = new URL(text);
    return pathname === '/' && search + hash + username + password === '';
  }, 'is not an address such as http://10.0.0.5:6081')
  .transform((text) => new URL(text).origin);
export const endpoints = z
  .array(endpoint)
  .min(1)
  .max(100)
  .describe('Where each of its machines is reached: all of them are purged.');
export const keyTemplates = z
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
export const everyCache = {
  name: cacheName.describe('What it is called in logs, receipts and errors.'),
  sites: z.array(cacheName).min(1).max(10_000).optional().describe('The sites it holds; default: all.'),
  layer: z
    .int()
    .min(0)
    .max(9)
    .default(0)
    .describe(
      'Caches behind caches: a lower one, nearer to the origin, is purged before a higher one, which would fetch old objects from it.',
    ),
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
      concurrency: z.int().min(1).max(64).default(4).describe('Fetches at the same time.'),
      ratePerSecond: z.number().positive().max(10_000).default(50).describe('Fetches a second at most.'),
    })
    .prefault({})
    .describe('What is fetched through it once it is purged, and how fast.'),
};
