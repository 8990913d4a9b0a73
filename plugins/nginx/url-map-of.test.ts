// URL maps from server blocks as people write them, and from files on disk that nobody would write.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { treeFacts, type UrlMap, urlMapSchema, urlsOfChanges } from 'treecast/plugin';
import { contentEvent, createSiteOnDisk, freePort, testNeeding } from 'treecast/plugin/testing';
import { readConfiguration } from './read-configuration.ts';
import { readDirectives } from './read-directives.ts';
import { createRealNginx } from './testing/real-nginx.ts';
import { startPlugin } from './testing/start-plugin.ts';
import { urlMapOf } from './url-map-of.ts';
import { liveLinkAmong, mountsOf, virtualHostsOf } from './virtual-hosts.ts';

const isLive = (path: string): boolean => path === '/srv/live' || path === '/srv/live/';
const mapOf = (text: string): UrlMap | null =>
  urlMapOf(mountsOf(virtualHostsOf(readDirectives(text).directives), isLive));
const expected = (map: Partial<UrlMap> & { origins: string[] }): UrlMap =>
  urlMapSchema.parse({ directoryWithoutSlash: 'redirect', ...map });

test('names, ports, TLS, index files, error pages, suffixes, fallbacks and rewrites', () => {
  assert.deepEqual(
    mapOf(`
      http {
        index index.htm;
        server { listen 80; server_name example.org www.example.org; return 301 https://example.org$request_uri; }
        server {
          listen 443 ssl http2; listen [::]:443 ssl; listen 8443 ssl;
          server_name example.org *.example.org ~^x "" _;
          root /srv/live; index index.html index.xml $x;
          error_page 403 404 =404 /errors/404.html; error_page 500 /50x.html;
          rewrite ^/feed$ /feed.xml last; rewrite ^/gone$ /new.html permanent; rewrite ^/old/(.*)$ /new/$1 redirect;
          location = /news { try_files /news/index.html =404; }
          location / { try_files $uri $uri.html $uri/ /app.html?$args; }
        }
      }`),
    expected({
      origins: ['https://example.org', 'https://example.org:8443'],
      index: ['index.html', 'index.xml'],
      cleanUrls: ['.html'],
      errorPages: ['errors/404.html', 'app.html'],
      rewrites: [
        { path: 'feed.xml', urls: ['/feed'], only: false },
        { path: 'news/index.html', urls: ['/news'], only: false },
      ],
    }),
  );
});

test('addresses where there is no name, an alias below a prefix, outer roots, and nothing at all', () => {
  assert.deepEqual(mapOf('server { listen 127.0.0.1:8080; root /srv/live; }')?.origins, [
    'http://127.0.0.1:8080',
  ]);
  assert.deepEqual(mapOf('server { listen [::1]; root /srv/live; }')?.origins, ['http://[::1]']);
  assert.deepEqual(mapOf('server { server_name a.b; root /srv/live; }')?.origins, ['http://a.b']);
  assert.deepEqual(
    mapOf(
      'server { server_name a.b; location /docs { alias /srv/live/; index x.html; try_files $uri /docs/fall.html; } }',
    ),
    expected({ origins: ['http://a.b'], prefix: '/docs/', index: ['x.html'], errorPages: ['fall.html'] }),
  );
  assert.deepEqual(mapOf('http { root /srv/live; index a.html; server { server_name a.b; } }')?.index, [
    'a.html',
  ]);
  assert.deepEqual(mapOf('server { server_name a.b; location / { root /srv/live; } }')?.origins, [
    'http://a.b',
  ]);
  for (const none of [
    '',
    'server { server_name a.b; root /srv/other; }',
    'server { listen 80; root /srv/live; }',
    'server { listen unix:/x.sock; root /srv/live; }',
    'server { server_name _; root /srv/live; }',
    'events { } stream { server { listen 1; } }',
  ])
    assert.equal(mapOf(none), null, none);
});

test('a directory without slash is a redirect, but where its index may be served there', () => {
  const bare = (inServer: string): unknown =>
    mapOf(`server { server_name a.b; root /srv/live; ${inServer} }`)?.directoryWithoutSlash;
  for (const redirecting of [
    '',
    'location / { try_files $uri $uri.html $uri/ =404; }',
    'try_files $uri $uri/ @other; location @other { proxy_pass http://127.0.0.1:1; }',
    'location / { try_files $uri /app.html?$args; }',
    'location = /news { try_files /news/index.html =404; }',
    'rewrite ^/feed$ /feed.xml; rewrite ^(.*[^/])$ $1/ permanent;',
  ])
    assert.equal(bare(redirecting), 'redirect', redirecting);
  for (const serving of [
    'location / { try_files $uri $uri/index.html =404; }',
    'try_files $uri $uri/index.html;',
    'try_files $uri $uri/;',
    'try_files $uri /docs/index.html =404;',
    'try_files;',
    'if (-d $request_filename) { rewrite ^(.*[^/])$ $1/ break; }',
    'rewrite ^/docs$ /docs/ last;',
    'location / { rewrite ^/(.*)$ /x/$1; }',
    'location ~ ^/(.*[^/])$ { alias /srv/live/$1/index.html; }',
  ])
    assert.equal(bare(serving), true, serving);
  const two = (second: string): string =>
    `server { server_name a.b; root /srv/live; } server { server_name c.d; root /srv/live; ${second} }`;
  assert.equal(mapOf(two(''))?.directoryWithoutSlash, 'redirect');
  assert.equal(mapOf(two('rewrite ^(.*)$ /x$1;'))?.directoryWithoutSlash, true);
});

test('the live link is known by other paths to it too; a pinned tree is not it', async (context) => {
  const site = await createSiteOnDisk('docs', { 'index.html': 'i' });
  context.after(() => site.remove());
  const base = mkdtempSync(join(tmpdir(), 'treecast-vhosts-'));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  symlinkSync(site.liveLink, join(base, 'www'));
  symlinkSync(join(site.directory, '..'), join(base, 'sites'));
  const roots = [
    site.liveLink,
    `${site.liveLink}/`,
    join(base, 'www'),
    join(base, 'sites/docs/live'),
    site.live().directory,
    '/nowhere',
    '/etc',
    '$document_root',
    'relative',
  ];
  const hosts = virtualHostsOf(
    readDirectives(roots.map((root) => `server { root ${root}; }`).join('\n')).directives,
  );
  const known = await liveLinkAmong(hosts, site.attachEvent());
  assert.deepEqual(roots.map(known), [true, true, true, true, false, false, false, false, false]);
});

test('no text makes it throw, and every map is one', () => {
  const piece = fc.constantFrom(
    'server {',
    '}',
    'http {',
    'root /srv/live;',
    'listen 80;',
    'listen 99999999;',
    'listen [::]:1 ssl;',
    'listen a:b;',
    'server_name a.b;',
    'server_name "";',
    'server_name ..;',
    'server_name a b c;',
    'index;',
    'index / a/b;',
    'error_page 404 /x;',
    'error_page;',
    'try_files $uri $uri.html /x;',
    'try_files;',
    'location / {',
    'location {',
    'location = /x {',
    'alias /srv/live/;',
    'rewrite;',
    'rewrite ^/a$ /b;',
    'location /p/ {',
    'rewrite ^/a$ /*{b;',
    'error_page 404 /**;',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const map = mapOf(pieces.join(' '));
      if (map) assert.deepEqual(urlMapSchema.parse(map), map);
    }),
    { numRuns: 3_000 },
  );
});

const base = mkdtempSync(join(tmpdir(), 'treecast-conf-'));
after(() => rmSync(base, { recursive: true, force: true }));

test('includes are followed by glob and from the main configuration’s directory, in circles only so far', async () => {
  mkdirSync(join(base, 'sites'), { recursive: true });
  const mainConfiguration = join(base, 'nginx.conf');
  writeFileSync(mainConfiguration, 'http { include sites/*.conf; include nowhere.conf; include sites; }');
  writeFileSync(join(base, 'sites/a.conf'), 'server { server_name a.a; include sites/inner.inc; }');
  writeFileSync(
    join(base, 'sites/b.conf'),
    Buffer.from('# \xff\xfe\nserver { server_name b.b; root /srv/live; }\nserver {', 'latin1'),
  );
  writeFileSync(
    join(base, 'sites/c.conf'),
    'include nginx.conf; server { server_name c.c; root /srv/live; }',
  );
  writeFileSync(join(base, 'sites/inner.inc'), 'root "/srv/live";');
  const found = urlMapOf(
    mountsOf(
      virtualHostsOf(
        (await readConfiguration({ mainConfiguration, globs: [join(base, 'sites/*.conf')] })).directives,
      ),
      isLive,
    ),
  );
  assert.deepEqual(found?.origins.slice(0, 3), ['http://a.a', 'http://b.b', 'http://c.c']);
  assert.deepEqual(await readConfiguration({ mainConfiguration: join(base, 'nothing') }), {
    directives: [],
    paths: new Set(),
    isWhole: false,
  });
});

test('files of any bytes are read', async () => {
  const file = join(base, 'any.conf');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      writeFileSync(file, bytes);
      const { directives } = await readConfiguration({ mainConfiguration: file });
      urlMapOf(mountsOf(virtualHostsOf(directives), () => true));
    }),
    { numRuns: 200 },
  );
});

testNeeding(
  ['nginx'],
  'attach answers the map of the server block that includes the file, and of Treecast’s own',
  async (context) => {
    const site = await createSiteOnDisk('docs', { 'index.html': 'i' });
    context.after(() => site.remove());
    const real = createRealNginx({
      instead: 'server { listen 127.0.0.1:8081; server_name docs.test; include treecast/docs.con[f]; }',
    });
    context.after(() => real.close());
    const plugin = await startPlugin(real, { cleanUrls: ['.html'], errorPage: '404.html' });
    const answer = await plugin.call('attach', site.attachEvent());
    assert.deepEqual(
      answer?.urlMap,
      expected({ origins: ['http://docs.test:8081'], cleanUrls: ['.html'], errorPages: ['404.html'] }),
    );

    const own = createRealNginx({ instead: 'include treecast/*.conf;' });
    context.after(() => own.close());
    const other = await startPlugin(own, {
      fallback: 'app.html',
      servers: { docs: { listen: ['127.0.0.1:8082'], serverName: ['a.test', 'b.test'] } },
    });
    assert.deepEqual(
      (await other.call('attach', site.attachEvent()))?.urlMap,
      expected({ origins: ['http://a.test:8082', 'http://b.test:8082'], errorPages: ['app.html'] }),
    );
    const nowhere = await startPlugin(real, { virtualHosts: ['/nowhere/*.conf'] }, 'other');
    const none = await nowhere.call('attach', site.attachEvent());
    assert.deepEqual([none?.urlMap, none?.note?.includes('no server block')], [undefined, true]);
  },
);

testNeeding(
  ['nginx'],
  'X7: what a publish makes stale is what this nginx answers differently: of a directory without slash only that it comes or goes',
  async (context) => {
    const from = { 'index.html': 'i', 'docs/index.html': 'old', 'gone/a.html': 'a' };
    const to = { 'index.html': 'i', 'docs/index.html': 'new', 'come/a.html': 'a' };
    for (const [server, config, redirecting] of [
      ['', {}, true],
      ['', { cleanUrls: ['.html'], fallback: 'index.html' }, true],
      ['rewrite ^(/docs)$ $1/ last;', {}, false],
    ] as const) {
      const site = await createSiteOnDisk('docs', from);
      context.after(() => site.remove());
      const real = createRealNginx({ server: `listen 127.0.0.1:${await freePort()}; ${server}` });
      context.after(() => real.close());
      const plugin = await startPlugin(real, config);
      const map = (await plugin.call('attach', site.attachEvent()))?.urlMap;
      assert.ok(map);
      await real.start();
      const urls = [
        '/',
        '/index.html',
        ...['docs', 'gone', 'come'].flatMap((one) => [`/${one}`, `/${one}/`]),
      ];
      const answers = async (): Promise<string[]> => {
        const all = await Promise.all(urls.map((url) => real.get(url)));
        return all.map(({ status, headers, body }) => `${status} ${headers['location']} ${body}`);
      };
      const before = await answers();
      assert.equal(before[urls.indexOf('/docs')]?.startsWith('301 '), redirecting);
      const event = contentEvent({ from, to });
      await site.switchTo(await site.stage(to));
      const after = await answers();
      const { urls: stale } = urlsOfChanges(await event.changes(), map, treeFacts(await event.paths()));
      const named = new Set(stale.map((url) => new URL(url).pathname));
      for (const [index, url] of urls.entries())
        assert.equal(
          named.has(url),
          before[index] !== after[index],
          `${url} ${before[index]} ${after[index]}`,
        );
    }
  },
);
