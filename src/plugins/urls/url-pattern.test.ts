// The pattern for web servers says the same as the glob.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keptAssetsSchema } from '../assets/kept-assets.ts';
import { pathGlob } from './path-glob.ts';
import { urlPattern } from './url-pattern.ts';

const globs = [
  ...keptAssetsSchema.parse({}).paths,
  '*.css',
  '**/*.js',
  'a?/*.txt',
  '{a,b}/**/c',
  '**',
  'a/**/b.js',
];
const name = fc
  .oneof(
    fc.constantFrom(
      'a',
      'ab',
      'b',
      'c',
      'assets',
      'static',
      '_next',
      'site.css',
      'b.js',
      'x-0123abcd.js',
      'a.txt',
      '.x',
      'kept.min.0123456789.css',
    ),
    fc
      .string({ minLength: 1, maxLength: 6, unit: 'grapheme-ascii' })
      .map((text) => text.replaceAll(/[/\n]/g, '_')),
  )
  .filter((text) => text !== '.' && text !== '..');

test('a URL pattern matches /path exactly when the glob matches path', () => {
  fc.assert(
    fc.property(
      fc.subarray(globs, { minLength: 1 }),
      fc.array(name, { minLength: 1, maxLength: 4 }),
      (some, names) => {
        const path = names.join('/');
        assert.equal(new RegExp(urlPattern(some)).test(`/${path}`), pathGlob(some)(path), path);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('hashed names are found at the root and below', () => {
  const pattern = new RegExp(urlPattern(keptAssetsSchema.parse({}).paths));
  for (const url of [
    '/app-0123abcd.js',
    '/deep/er/style.0123456789abcdef.css',
    '/assets/any.txt',
    '/_astro/a/b.png',
  ])
    assert.ok(pattern.test(url), url);
  for (const url of ['/index.html', '/app.js', '/deep/assets/a.txt', '/0123abcd', '//app-0123abcd.html'])
    assert.ok(!pattern.test(url), url);
});
