// X7, N12, N54, N56: the purge set is complete and exact against a model of a web server, and spelled as browsers ask.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { changesBetween } from '../testing/git-ids.ts';
import { pathGlob } from './path-glob.ts';
import { type UrlMap, type UrlMapInput, urlMapSchema } from './url-map.ts';
import { treeFacts, urlsOfChanges, urlVariants } from './urls-of-changes.ts';

type Files = Readonly<Record<string, string>>;
const origin = 'https://example.org';

function between(from: Files, to: Files, input: Partial<UrlMapInput> = {}, withFacts = true) {
  const map = urlMapSchema.parse({ origins: [origin], ...input });
  const bytes = (files: Files) =>
    new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const facts = treeFacts(Object.keys(to).sort());
  const { urls, everythingMissing } = urlsOfChanges(
    changesBetween(bytes(from), bytes(to)),
    map,
    withFacts ? facts : undefined,
  );
  return { urls: urls.map((url) => url.replace(origin, '')), everythingMissing };
}

const urlsBetween = (from: Files, to: Files, input?: Partial<UrlMapInput>): string[] =>
  between(from, to, input).urls;

describe('N54: the URLs of a change', () => {
  test('a page, and an index with its directory in both spellings', () => {
    assert.deepEqual(urlsBetween({ 'a.html': '1' }, { 'a.html': '2' }), ['/a.html']);
    assert.deepEqual(urlsBetween({ 'docs/index.html': '1' }, { 'docs/index.html': '2' }), [
      '/docs/index.html',
      '/docs/',
      '/docs',
    ]);
    assert.deepEqual(urlsBetween({ 'index.html': '1' }, { 'index.html': '2' }), ['/index.html', '/']);
  });

  test('an index behind the one that wins is only itself; one that comes before takes the directory over', () => {
    const index = ['index.html', 'index.htm'];
    const both = { 'd/index.html': '1', 'd/index.htm': '1' };
    assert.deepEqual(urlsBetween(both, { ...both, 'd/index.htm': '2' }, { index }), ['/d/index.htm']);
    assert.deepEqual(urlsBetween({ 'd/index.htm': '1' }, both, { index }), ['/d/index.html', '/d/', '/d']);
    assert.deepEqual(urlsBetween(both, { 'd/index.htm': '1' }, { index }), ['/d/index.html', '/d/', '/d']);
  });

  test('N55 N56: added and deleted paths, also the directories that come and go with them', () => {
    assert.deepEqual(urlsBetween({ x: '' }, { x: '', 'a/b/c.txt': '1' }), [
      '/a/b/c.txt',
      '/a/b/',
      '/a/b',
      '/a/',
      '/a',
    ]);
    assert.deepEqual(urlsBetween({ 'a/b.txt': '1', 'a/c.txt': '1' }, { 'a/c.txt': '1' }), ['/a/b.txt']);
  });

  test('a directory that is answered by a redirect changes only when it comes or goes', () => {
    const input = { directoryWithoutSlash: 'redirect' as const };
    assert.deepEqual(urlsBetween({ 'd/index.html': '1' }, { 'd/index.html': '2' }, input), [
      '/d/index.html',
      '/d/',
    ]);
    assert.deepEqual(urlsBetween({ x: '' }, { x: '', 'd/index.html': '2' }, input), [
      '/d/index.html',
      '/d/',
      '/d',
    ]);
    assert.deepEqual(
      urlsBetween({ 'd/index.html': '1' }, { 'd/index.html': '2' }, { directoryWithoutSlash: false }),
      ['/d/index.html', '/d/'],
    );
  });

  test('clean URLs, also of an index, and not where a file has that very name', () => {
    const input = { cleanUrls: ['.html'] };
    assert.deepEqual(urlsBetween({ 'a.html': '1' }, { 'a.html': '2' }, input), ['/a.html', '/a']);
    assert.deepEqual(urlsBetween({ a: '0', 'a.html': '1' }, { a: '0', 'a.html': '2' }, input), ['/a.html']);
    assert.deepEqual(urlsBetween({ 'd/index.html': '1' }, { 'd/index.html': '2' }, input), [
      '/d/index.html',
      '/d/index',
      '/d/',
      '/d',
    ]);
  });

  test('a clean URL beside a directory of its name that comes: stale only where the bare directory is answered', () => {
    const from = { 'index.html': '1', 'index.htm': '1' };
    const to = { 'index.html': '1', 'index/a': '1' };
    const input = { cleanUrls: ['.html', '.htm'] };
    const all = ['/index.htm', '/index/a', '/index/'];
    for (const [directoryWithoutSlash, named] of [
      [false, all],
      ['redirect', [...all, '/index']],
      [true, [...all, '/index']],
    ] as const)
      assert.deepEqual(
        urlsBetween(from, to, { ...input, directoryWithoutSlash }).sort(),
        [...named].sort(),
        String(directoryWithoutSlash),
      );
  });

  test('rewrites add URLs, or replace the path’s own; related rules name feeds and listings', () => {
    const rewrites = [
      {
        path: 'posts/*.md',
        urls: ['/{dir}/{stem}/', '/read?name={name}'],
        only: true,
      },
      { path: '**/*.gz', urls: ['/{dir}/{stem}'] },
    ];
    const related = [{ when: 'posts/**', urls: ['/feed.xml', '/sitemap.xml'] }];
    assert.deepEqual(urlsBetween({ 'posts/ä b.md': '1' }, { 'posts/ä b.md': '2' }, { rewrites, related }), [
      '/posts/%C3%A4%20b/',
      '/read?name=%C3%A4%20b.md',
      '/feed.xml',
      '/sitemap.xml',
    ]);
    assert.deepEqual(urlsBetween({ 'a.css.gz': '1' }, { 'a.css.gz': '2' }, { rewrites }), [
      '/a.css.gz',
      '/a.css',
    ]);
  });

  test('an error page that changed makes everything cached as missing stale', () => {
    const input = { errorPages: ['404.html'] };
    assert.equal(between({ '404.html': '1' }, { '404.html': '2' }, input).everythingMissing, true);
    assert.equal(between({ 'a.html': '1' }, { 'a.html': '2' }, input).everythingMissing, false);
  });

  test('below a prefix, under every origin', () => {
    const map = urlMapSchema.parse({
      origins: ['https://example.org', 'http://www.example.org:8080'],
      prefix: '/docs/',
    });
    const change = { path: 'index.html', kind: 'changed', before: 'a', after: 'b' } as const;
    assert.deepEqual(urlsOfChanges([change], map, treeFacts(['index.html'])).urls, [
      'https://example.org/docs/index.html',
      'http://www.example.org:8080/docs/index.html',
      'https://example.org/docs/',
      'http://www.example.org:8080/docs/',
      'https://example.org/docs',
      'http://www.example.org:8080/docs',
    ]);
  });

  test('variants: every combination of the headers that caches keep apart', () => {
    const variants = [
      { header: 'Accept-Encoding', values: ['', 'gzip'] },
      { header: 'Accept-Language', values: ['de'] },
    ];
    assert.deepEqual(urlVariants({ variants }), [
      { 'Accept-Encoding': '', 'Accept-Language': 'de' },
      { 'Accept-Encoding': 'gzip', 'Accept-Language': 'de' },
    ]);
    assert.deepEqual(urlVariants({ variants: [] }), [{}]);
    const many = Array.from({ length: 50 }, (_, n) => String(n));
    const wide = ['A', 'B'].map((header) => ({ header, values: many }));
    assert.match(
      urlMapSchema.safeParse({ origins: [origin], variants: wide }).error?.issues[0]?.message ?? '',
      /200 combinations/,
    );
  });
});

test('names are spelled as browsers send a link to them', () => {
  const names: readonly [name: string, spelled: string][] = [
    ['a b.html', '/a%20b.html'],
    ['100%.html', '/100%25.html'],
    ['%41.html', '/%2541.html'],
    ['what?.html', '/what%3F.html'],
    ['c#.html', '/c%23.html'],
    ['ü/日本.html', '/%C3%BC/%E6%97%A5%E6%9C%AC.html'],
    ['😀.html', '/%F0%9F%98%80.html'],
    ["it's (a) [b]~!$&*+,;=:@|.html", "/it's%20(a)%20[b]~!$&*+,;=:@|.html"],
    ['{a}^`"<>\\.html', '/%7Ba%7D%5E%60%22%3C%3E%5C.html'],
    ['tab\tend ', '/tab%09end%20'],
  ];
  for (const [name, spelled] of names) {
    assert.deepEqual(urlsBetween({}, { [name]: '1' }).at(0), spelled);
    assert.equal(new URL(origin + spelled).pathname, spelled, 'a browser would send something else');
  }
});

/** A tiny web server: what it answers under a URL, told apart by content; `missing` is left to the error pages. */
function answer(url: string, files: Files, map: UrlMap): string {
  const rules = map.rewrites.map(({ path, ...rest }) => ({ ...rest, matches: pathGlob(path) }));
  const wanted = decodeURIComponent(url);
  const all = Object.keys(files).sort();
  const other = all.filter(
    (path) =>
      rules.some(
        ({ urls, matches }) => matches(path) && urls.some((to) => to.replace('{path}', path) === wanted),
      ) || map.related.some(({ when, urls }) => urls.includes(wanted) && pathGlob(when)(path)),
  );
  const shown = new Set(all.filter((path) => !rules.some(({ only, matches }) => only && matches(path))));
  const say = (path: string): string => `${path}=${files[path]}`;
  const isDirectory = (name: string): boolean =>
    name === '' || all.some((path) => path.startsWith(`${name}/`));
  const listing = (name: string): string => {
    for (const index of map.index) {
      const path = name === '' ? index : `${name}/${index}`;
      if (shown.has(path)) return say(path);
    }
    return isDirectory(name) ? 'forbidden' : 'missing';
  };
  const place = wanted.slice(1);
  const serve = (): string => {
    if (place === '' || place.endsWith('/')) return listing(place.slice(0, -1));
    if (shown.has(place)) return say(place);
    const clean = map.cleanUrls.map((suffix) => place + suffix).find((path) => shown.has(path));
    const directory =
      map.directoryWithoutSlash === true
        ? listing(place)
        : map.directoryWithoutSlash === 'redirect' && isDirectory(place)
          ? 'redirect'
          : 'missing';
    return clean === undefined ? directory : `${say(clean)} or ${directory}`;
  };
  return [...other.map(say), serve()].join(' and ');
}

/** Every URL that could be asked for: each name and directory of both trees, in all spellings. */
function askable(from: Files, to: Files, map: UrlMap): string[] {
  const urls = new Set(['/', '/a/b', ...map.related.flatMap(({ urls: list }) => list)]);
  for (const path of [...Object.keys(from), ...Object.keys(to)]) {
    urls.add(`/${path}`).add(`/alias/${path}`).add(`/alias/${path}/`);
    for (const suffix of map.cleanUrls)
      if (path.endsWith(suffix)) urls.add(`/${path.slice(0, -suffix.length)}`);
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const directory = `/${parts.slice(0, depth).join('/')}`;
      urls.add(directory).add(`${directory}/`);
    }
  }
  return [...urls].map((url) => url.split('/').map(encodeURIComponent).join('/'));
}

const segment = fc.constantFrom('a', 'b', 'index', 'ö');
const leaf = fc.constantFrom('a', 'a.html', 'b.html', 'b.htm', 'index.html', 'index.htm', 'index.php', 'a b');
const path = fc
  .tuple(fc.array(segment, { maxLength: 2 }), leaf)
  .map(([dirs, name]) => [...dirs, name].join('/'));
const files = fc.dictionary(path, fc.constantFrom('1', '2'), { maxKeys: 8 }).map(withoutClashes);
const maps = fc.record<Omit<UrlMap, 'origins' | 'prefix' | 'errorPages' | 'variants'>>({
  index: fc.constantFrom<string[]>(['index.html'], ['index.php', 'index.html', 'index.htm'], []),
  directoryWithoutSlash: fc.constantFrom<UrlMap['directoryWithoutSlash'][]>(true, false, 'redirect'),
  cleanUrls: fc.constantFrom<string[]>([], ['.html'], ['.html', '.htm']),
  rewrites: fc.constantFrom<UrlMap['rewrites']>(
    [],
    [{ path: 'a/**', urls: ['/alias/{path}'], only: false }],
    [
      {
        path: '*.html',
        urls: ['/alias/{path}', '/a/b'],
        only: true,
      },
    ],
  ),
  related: fc.constantFrom<UrlMap['related']>([], [{ when: 'b/**', urls: ['/feed.xml', '/a'] }]),
});

/** On a disk a name is a file or a directory. */
function withoutClashes(all: Files): Files {
  const kept = Object.entries(all).filter(
    ([name]) => !Object.keys(all).some((other) => other.startsWith(`${name}/`)),
  );
  return Object.fromEntries(kept);
}

test('X7: every URL that is answered differently is in the set, and no other', () => {
  fc.assert(
    fc.property(files, files, maps, (from, to, input) => {
      const map = urlMapSchema.parse({ origins: [origin], ...input });
      const { urls } = between(from, to, input);
      const named = new Set(urls.map((url) => decodeURIComponent(url)));
      const asked = askable(from, to, map);
      for (const url of asked) {
        const differs = answer(url, from, map) !== answer(url, to, map);
        assert.equal(
          named.has(decodeURIComponent(url)),
          differs,
          `${url} ${differs ? 'is stale' : 'is needless'}`,
        );
        named.delete(decodeURIComponent(url));
      }
      assert.deepEqual([...named], [], 'a URL that nobody can ask for');
    }),
    { numRuns: 2000 },
  );
});

test('without facts about the tree the set is complete all the same', () => {
  fc.assert(
    fc.property(files, files, maps, (from, to, input) => {
      const map = urlMapSchema.parse({ origins: [origin], ...input });
      const named = new Set(between(from, to, input, false).urls.map((url) => decodeURIComponent(url)));
      for (const url of askable(from, to, map)) {
        if (answer(url, from, map) !== answer(url, to, map))
          assert.ok(named.has(decodeURIComponent(url)), url);
      }
    }),
    { numRuns: 500 },
  );
});

test('facts of a tree are the same from a list in any order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(path), (paths) => {
      const facts = treeFacts(paths);
      for (const one of [...paths, 'nowhere']) assert.equal(facts.exists(one), paths.includes(one));
      for (const directory of ['', 'a', 'a/b', 'index', 'ö'])
        assert.equal(
          facts.filesBelow(directory),
          paths.filter((one) => directory === '' || one.startsWith(`${directory}/`)).length,
        );
    }),
  );
});
