// N79: reindex only for changed pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PathChange, pathGlob, type UrlMapInput, urlMapSchema } from 'treecast/plugin';
import { changedPages } from './changed-pages.ts';
import { createPageUrls } from './page-urls.ts';

type Tree = Readonly<Record<string, string>>;
const origin = 'https://docs.example.org';

function between(from: Tree, to: Tree, over: Partial<UrlMapInput> = {}) {
  const map = urlMapSchema.parse({ origins: [origin], ...over });
  const paths = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  const changes = paths.flatMap((path): PathChange[] => {
    const [before = null, after = null] = [from[path], to[path]];
    if (before === after) return [];
    return [
      { path, kind: before === null ? 'added' : after === null ? 'deleted' : 'changed', before, after },
    ];
  });
  const isPage = pathGlob('**/*.{html,htm}');
  const urls = createPageUrls(map, origin);
  const exists = (path: string): boolean => path in to;
  const { updated, deleted } = changedPages({ changes, map, urls, isPage, exists });
  const short = (url: string): string => url.slice(origin.length);
  return {
    updated: updated.map(({ url, path }) => `${short(url)} ${path}`).sort(),
    deleted: deleted.map(short).sort(),
  };
}

test('pages that changed, came and went; nothing else', () => {
  const from = { 'index.html': '1', 'a.html': '1', 'b/index.html': '1', 'b/c.html': '1', 'style.css': '1' };
  const to = { 'index.html': '2', 'a.html': '1', 'b/c.html': '2', 'd/index.html': '1', 'style.css': '2' };
  assert.deepEqual(between(from, to), {
    updated: ['/ index.html', '/b/c.html b/c.html', '/d/ d/index.html'],
    deleted: ['/b/'],
  });
  assert.deepEqual(between(to, to), { updated: [], deleted: [] });
});

test('clean names, a mount, a name that a rewrite leaves alone, and spelling', () => {
  const to = { 'a.html': '1', 'de/über uns.html': '1', '100%?#.html': '1', 'news/2024-x.html': '1' };
  const rewrites = [
    {
      only: true,
      path: 'news/*.html',
      urls: ['/news/{stem}/'],
    },
  ];
  assert.deepEqual(between({}, to, { cleanUrls: ['.html'], rewrites, prefix: '/docs/' }).updated, [
    '/docs/100%25%3F%23 100%?#.html',
    '/docs/a a.html',
    '/docs/de/%C3%BCber%20uns de/über uns.html',
    '/news/2024-x/ news/2024-x.html',
  ]);
});

test('an index file that comes or goes changes who answers for the directory', () => {
  const index = ['index.html', 'index.htm'];
  const one = { 'a/index.htm': '1' };
  const both = { 'a/index.htm': '1', 'a/index.html': '1' };
  assert.deepEqual(between(one, both, { index }), {
    updated: ['/a/ a/index.html', '/a/index.htm a/index.htm'],
    deleted: [],
  });
  assert.deepEqual(between(both, one, { index }), {
    updated: ['/a/ a/index.htm'],
    deleted: ['/a/index.htm'],
  });
});

test('for any two trees: as if all URLs of both had been compared', () => {
  const index = ['index.html', 'index.htm'];
  const tree = fc.dictionary(
    fc.constantFrom(
      'index.html',
      'index.htm',
      'a.html',
      'a.htm',
      'a/index.html',
      'a/index.htm',
      'a/b.html',
      'a/b',
      'x.css',
    ),
    fc.constantFrom('1', '2'),
  );
  fc.assert(
    fc.property(tree, tree, fc.constantFrom<string[]>([], ['.html', '.htm']), (from, to, cleanUrls) => {
      const map = urlMapSchema.parse({ origins: [origin], index, cleanUrls });
      const isPage = pathGlob('**/*.{html,htm}');
      const shown = (one: Tree): Map<string, string> => {
        const urls = createPageUrls(map, origin);
        const found = new Map<string, string>();
        for (const path of Object.keys(one).filter(isPage)) {
          const url = urls.urlOf(path, (other) => other in one).slice(origin.length);
          assert.ok(!found.has(url), `two files answer under ${url}`);
          found.set(url, `${path} ${one[path] ?? ''}`);
        }
        return found;
      };
      const [before, after] = [shown(from), shown(to)];
      const { updated, deleted } = between(from, to, { index, cleanUrls });
      assert.deepEqual(deleted, [...before.keys()].filter((url) => !after.has(url)).sort());
      const differing = [...after]
        .filter(([url, file]) => before.get(url) !== file)
        .map(([url, file]) => `${url} ${file.split(' ')[0] ?? ''}`);
      assert.deepEqual(updated, differing.sort());
    }),
  );
});
