import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { PluginError } from 'treecast/plugin';
import { contentEvent } from 'treecast/plugin/testing';
import { readSitemap } from './read-sitemap.ts';
import { origin, startSearchIndex } from './testing/reindex.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;
const decidedAt = Date.parse('2026-11-28T09:00:00Z');
const urlset = (urls: readonly (readonly [path: string, lastmod?: string])[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls
    .map(
      ([path, lastmod]) =>
        `<url><loc> ${origin}${path} </loc>${lastmod === undefined ? '' : `<lastmod>${lastmod}</lastmod>`}</url>`,
    )
    .join('\n')}</urlset>`;

const read = (to: Files, path = 'sitemap.xml') =>
  readSitemap(path, {
    content: contentEvent({ from: {}, to }),
    origin,
    prefix: '/docs/',
    updated: [],
    deleted: [],
  });

test('tells which changed pages are old, missing or still there; says nothing of the others', async () => {
  const started = await startSearchIndex(() => ({ targets: [{ sitemap: {} }] }));
  const sitemap = urlset([
    ['/', '2026-11-28T08:00:00+01:00'],
    ['/yesterday.html', '2026-11-27'],
    ['/old.html', '2026-11-26'],
    ['/none.html'],
    ['/odd.html', 'last week'],
    ['/gone.html', '2020-01-01'],
    ['/same.html', '2020-01-01'],
  ]);
  const pages = ['index', 'yesterday', 'old', 'none', 'odd', 'missing'];
  const all = (text: string): Record<string, string> =>
    Object.fromEntries(pages.map((name) => [`${name}.html`, text]));
  const event = contentEvent({
    decidedAt,
    from: { ...all('1'), 'gone.html': '1', 'same.html': '1' },
    to: { ...all('2'), 'same.html': '1', 'sitemap.xml': sitemap },
  });
  const text =
    '1 changed, but the lastmod is older: /old.html; 1 changed, but not listed: /missing.html; 1 deleted, but still listed: /gone.html';
  assert.equal((await started.reindex(event))?.note, `sitemap sitemap.xml: ${text}`);
  assert.deepEqual(started.warnings, [text]);
  const fine = contentEvent({ decidedAt, from: {}, to: { 'index.html': '1', 'sitemap.xml': sitemap } });
  assert.equal(
    (await started.reindex(fine))?.note,
    'sitemap sitemap.xml: up to date with all pages that changed',
  );
  await started.close();
});

test('an index of sitemaps, gzipped ones, those of other sites left aside', async () => {
  const locations = ['/docs/a.xml.gz', '/docs/b%20c.xml', '/elsewhere.xml'].map((path) => origin + path);
  const index = `<sitemapindex>${[...locations, 'https://other.example/x.xml'].map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join('')}</sitemapindex>`;
  const urls = await read(
    {
      'sitemap.xml.gz': gzipSync(index),
      'a.xml.gz': gzipSync(urlset([['/docs/a/', '2026-01-01']])),
      'b c.xml': `\ufeff${urlset([['/docs/b&amp;c'], ['/docs/ü']])}`,
    },
    'sitemap.xml.gz',
  );
  assert.deepEqual(
    [...urls],
    [
      [`${origin}/docs/a/`, '2026-01-01'],
      [`${origin}/docs/b&c`, null],
      [`${origin}/docs/%C3%BC`, null],
    ],
  );
});

const unfit: readonly [what: string, files: Files, problem: RegExp][] = [
  ['not there', {}, /is not in the tree/],
  ['no XML', { 'sitemap.xml': '<urlset><url>' }, /is no XML/],
  ['HTML', { 'sitemap.xml': '<html></html>' }, /has neither <urlset>/],
  [
    'entities of its own',
    { 'sitemap.xml': '<!DOCTYPE x [<!ENTITY a "b">]><urlset/>' },
    /has a document type/,
  ],
  ['a bomb', { 'sitemap.xml': gzipSync(Buffer.alloc(60 * 1_048_576)) }, /cannot be unpacked/],
  ['cut', { 'sitemap.xml': gzipSync('<urlset/>').subarray(0, 12) }, /cannot be unpacked/],
  [
    'too many',
    { 'sitemap.xml': urlset(Array.from({ length: 50_001 }, () => ['/'] as const)) },
    /more than 50000 URLs/,
  ],
  [
    'an index of indexes',
    {
      'sitemap.xml': `<sitemapindex><sitemap><loc>${origin}/docs/sitemap.xml</loc></sitemap></sitemapindex>`,
    },
    /an index within an index/,
  ],
];
for (const [what, files, problem] of unfit) {
  test(`a sitemap that is unfit (${what}) gives a clear error`, () =>
    assert.rejects(read(files), (error: unknown) => {
      assert.ok(error instanceof PluginError && !error.retryable && error.fix);
      assert.match(error.message, problem);
      return true;
    }));
}

test('whatever a sitemap holds: URLs or a PluginError', async () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom(
      '<urlset>',
      '</urlset>',
      '<url>',
      '</url>',
      '<loc>',
      '</loc>',
      '<sitemapindex>',
      '</sitemapindex>',
      '<![CDATA[',
      ']]>',
      '<?xml?>',
      '&amp;',
      `${origin}/a`,
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      const text = `<urlset>${pieces.join('')}</urlset>`;
      const result = await read({ 'sitemap.xml': text }).catch((error: unknown) => error);
      assert.ok(result instanceof Map || result instanceof PluginError, String(result));
    }),
  );
});
