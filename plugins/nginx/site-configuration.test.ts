// Configuration from the repository: what may stand in it, what is made of it, and how a real nginx gets, refuses and loses it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { directorySnapshot, testNeeding } from 'treecast/plugin/testing';
import { siteDirectives } from './configuration.ts';
import { readDirectives } from './read-directives.ts';
import { siteConfiguration } from './site-configuration.ts';
import { attachSite, prepareNginx, serveSite } from './testing/beside-nginx.ts';
import { startPlugin } from './testing/start-plugin.ts';

const rules = {
  path: 'treecast/nginx.conf',
  directives: siteDirectives,
  everyLocation: ['root $treecast_root'],
  releaseHeader: 'Treecast-Release',
};
const of = (text: string): string => siteConfiguration(Buffer.from(text), rules);

test('what is allowed is written anew, on its line, every word quoted where it must be', () => {
  const text = [
    '# redirects of the old site',
    'rewrite ^/old/(.*)$ /new/$1 permanent;',
    'error_page 404 /404.html; expires 1h;',
    '',
    'location = /feed { try_files /feed.xml =404; }',
    'location ~ "^/d{1,2}/" {',
    '  add_header X-Kind "a \\"b\\" $request_uri";',
    '  return 301 https://example.org$request_uri;',
    '}',
    "location '/with space/' { expires max; }",
  ].join('\n');
  const lines = of(text).split('\n');
  assert.equal(lines[2]?.trim(), 'rewrite "^/old/(.*)$" /new/$1 permanent;');
  assert.equal(lines[5]?.trim(), 'location = /feed { root $treecast_root; try_files /feed.xml =404; }');
  assert.equal(
    lines[6]?.trim(),
    'location ~ "^/d{1,2}/" { root $treecast_root; add_header Treecast-Release $treecast_release always;',
  );
  assert.equal(lines[7]?.trim(), 'add_header X-Kind "a \\"b\\" $request_uri";');
  assert.equal(lines[10]?.trim(), 'location "/with space/" { root $treecast_root; expires max; }');
});

test('groups without a name, and what only looks around, may stand in patterns', () => {
  for (const text of [
    'location ~ "^/(?:a|b)/(?=c)(?!d)(?<=c)(?<!e)" { expires 1h; }',
    'rewrite "^/(?i)old/(.*)$" /new/$1 last;',
  ])
    assert.ok(of(text).length > 0, text);
});

test('whatever could name something outside the tree is refused, with file and line', () => {
  for (const text of [
    'root /etc;',
    'alias /etc/;',
    'include /etc/passwd;',
    'load_module x.so;',
    'location / { proxy_pass http://10.0.0.1; }',
    'content_by_lua_block { os.execute("x") }',
    'if ($uri) { return 200; }',
    'set $treecast_root /etc;',
    'location /a { location /a/b { expires 1h; } }',
    'location ^~ /x/ { expires 1h; }',
    'location = /.git/config { expires 1h; }',
    'location @x { return 200; }',
    'location =/x { expires 1h; }',
    'location ~ "^(?<treecast_root>/)etc/" { expires 1h; }',
    'location ~* "^(?P<treecast_root>/)etc/" { expires 1h; }',
    'location ~ "^(?\'treecast_root\'/)etc/" { expires 1h; }',
    'location ~ "^/a(?|(?<x>b)|(?<x>c))" { expires 1h; }',
    'rewrite "^(?<treecast_root>/)xx/(.*)$" /$2 last;',
    'rewrite "^/xx(?<treecast_release>p)" /y last;',
    'try_files /../../etc/passwd =404;',
    'try_files /$arg_f =404;',
    'try_files /$1 =404;',
    'try_files $uri.. =404;',
    'try_files /.$uri =404;',
    'try_files /.env =404;',
    'try_files @treecast_kept =404;',
    'rewrite ^/(.*)$ /../$1 last;',
    'rewrite ^/x(.*)$ /.$1 last;',
    'rewrite ^/(.*)$ /$1 break;',
    'rewrite ^/(.*)$ $document_root/$1 last;',
    'error_page 404 @x;',
    'error_page 404 /$arg_a;',
    'error_page 404 /../x;',
    'add_header X $document_root;',
    'add_header X $\x7brealpath_root};',
    'add_header treecast-release 1;',
    'add_header "X\ny" 1;',
    'return 302 https://example.org$uri;',
    'return 302 "https://example.org/$\x7bdocument_uri}";',
    'return /x;',
    'location / { } }',
    'expires 1h',
    'expires "1h',
    'expires 1h { }',
    'location /x;',
  ]) {
    assert.throws(
      () => of(`\n${text}`),
      (error: Error) => {
        assert.match(error.message, /treecast\/nginx\.conf:[234]: /, text);
        return true;
      },
    );
  }
  assert.throws(() => siteConfiguration(Buffer.from([0x65, 0xff]), rules), /not UTF-8/);
  assert.throws(() => siteConfiguration(Buffer.alloc(300_000), rules), /more than 262144 bytes/);
  assert.throws(
    () => siteConfiguration(Buffer.from('expires 1h;'), { ...rules, directives: ['return'] }),
    /"expires" may not be used; allowed are return/,
  );
  assert.throws(() => of('root /a;\nalias /b;\nexpires 1h'), /:1: .*:2: .*:3: /s, 'all at once');
});

test('what is written reads back as what was read, and never more', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '/a',
      '$uri',
      '=404',
      'X-A',
      '{',
      '}',
      ';',
      '"',
      "'",
      '\\',
      '#',
      '$1',
      '$\x7buri}',
      '~',
      '/x y',
      '',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 8 }),
  );
  const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...siteDirectives, 'root'), fc.array(word, { maxLength: 4 })), {
        maxLength: 4,
      }),
      (some) => {
        const text = some
          .map(
            ([name, args]) =>
              `${[name, ...args.map(quoted)].join(' ')}${name === 'location' ? ' { expires 1h; }' : ';'}`,
          )
          .join('\n');
        let made: string;
        try {
          made = of(text);
        } catch (error) {
          assert.match((error as Error).message, /the site's configuration is refused/);
          return;
        }
        const { directives, problem } = readDirectives(made);
        assert.equal(problem, null);
        assert.deepEqual(
          directives.map(({ name, args }) => [name, ...args]),
          some.map(([name, args]) => [name, ...args]),
        );
      },
    ),
    { numRuns: 3_000 },
  );
});

testNeeding(
  ['nginx'],
  'a release brings its configuration: tested before, active after, gone with a rollback',
  async (context) => {
    const base = { 'index.html': 'one', 'new.html': 'new' };
    const { real, site, plugin } = await serveSite(context, base, { siteConfiguration: {} });
    const first = site.live();
    assert.equal((await real.get('/old')).status, 404);

    const two = await site.stage({
      ...base,
      'treecast/nginx.conf':
        'rewrite ^/old$ /new.html last;\nlocation /new { add_header X-Mine yes; expires 1h; }\nlocation /dots/ { rewrite ^/dots/x(.*)$ /$1 last; }\n',
    });
    const before = await directorySnapshot(real.includeDirectory);
    await plugin.call('beforeSwitch', site.beforeSwitchEvent(two));
    assert.deepEqual(await directorySnapshot(real.includeDirectory), before);
    assert.deepEqual([real.reloads(), (await real.get('/old')).status], [0, 404]);
    const there = site.switchEvent(two);
    await site.switchTo(two);
    assert.deepEqual(await plugin.call('afterSwitch', there), { note: 'nginx reloaded' });
    const answer = await real.get('/old');
    assert.deepEqual(
      [answer.status, answer.body, answer.headers['x-mine'], answer.headers['treecast-release']],
      [200, 'new', 'yes', '1-0002'],
    );
    for (const path of [
      '/dots/x../1-0001/index.html',
      '/dots/x/../../1-0001/index.html',
      '/dots/x%2e%2e/1-0001/index.html',
    ])
      assert.equal((await real.get(path)).status, 404, path);

    const three = await site.stage({
      ...base,
      'index.html': 'three',
      'treecast/nginx.conf': readFileSync(join(two.directory, 'treecast/nginx.conf')),
    });
    await plugin.call('beforeSwitch', site.beforeSwitchEvent(three));
    const onward = site.switchEvent(three);
    await site.switchTo(three);
    assert.equal(await plugin.call('afterSwitch', onward), undefined);
    assert.equal(real.reloads(), 1, 'the same configuration needs no reload');

    const back = site.switchEvent(first, 'rollback');
    await plugin.call('beforeSwitch', site.beforeSwitchEvent(first));
    await site.switchTo(first);
    await plugin.call('afterSwitch', back);
    assert.deepEqual([(await real.get('/old')).status, real.reloads()], [404, 2]);
  },
);

testNeeding(
  ['nginx'],
  'configuration that nginx refuses fails the release, told with the repository’s file and line (N9)',
  async (context) => {
    const { real, site, plugin } = await serveSite(
      context,
      { 'index.html': 'one' },
      { siteConfiguration: {} },
    );
    const before = await directorySnapshot(real.includeDirectory);
    for (const [text, message] of [
      ['\n\nrewrite ^/(x /y last;', /\[emerg\] pcre.*missing.*in treecast\/nginx\.conf:3/s],
      ['# a\nlocation / { expires 1h; }', /\[emerg\] duplicate location "\/" in treecast\/nginx\.conf:2/],
      ['expires nonsense;', /\[emerg\] "expires" directive invalid value in treecast\/nginx\.conf:1/],
      ['expires 1h;\nproxy_pass http://10.0.0.1;', /treecast\/nginx\.conf:2: "proxy_pass" may not be used/],
    ] as const) {
      const bad = await site.stage({ 'index.html': 'bad', 'treecast/nginx.conf': text });
      await assert.rejects(
        plugin.call('beforeSwitch', site.beforeSwitchEvent(bad)),
        (error: Error & { retryable?: boolean; fix?: string }) => {
          assert.match(error.message, message);
          assert.equal(error.retryable, false);
          assert.match(error.fix ?? '', /treecast\/nginx\.conf/);
          return true;
        },
      );
      assert.deepEqual(await directorySnapshot(real.includeDirectory), before);
      assert.equal((await real.get('/')).body, 'one');
    }
    assert.equal(real.reloads(), 0);
  },
);

testNeeding(
  ['nginx'],
  'a crash while a candidate lay there is made good at attach; a dry run does not ask nginx',
  async (context) => {
    const { real, site, plugin } = await attachSite(
      context,
      { 'index.html': 'one' },
      { siteConfiguration: {} },
    );
    const file = join(real.includeDirectory, 'docs.site');
    const live = readFileSync(file, 'utf8');
    writeFileSync(file, 'a candidate');
    await real.start().catch(() => undefined);
    await (await startPlugin(real, { siteConfiguration: {} })).call('attach', site.attachEvent());
    assert.equal(readFileSync(file, 'utf8'), live);
    const ran = plugin.ran.length;
    const to = await site.stage({ 'index.html': 'two', 'treecast/nginx.conf': 'root /etc;' });
    await assert.rejects(
      plugin.call('beforeSwitch', site.beforeSwitchEvent(to), { dryRun: true }),
      /"root" may not be used/,
    );
    assert.equal(plugin.ran.length, ran);
  },
);

testNeeding(
  ['nginx'],
  'the file is not read through a link out of the tree, and without the policy not at all',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    const off = await startPlugin(real);
    await off.call('attach', site.attachEvent());
    const evil = await site.stage({ 'index.html': 'two', 'treecast/nginx.conf': 'root /etc;' });
    assert.equal(await off.call('beforeSwitch', site.beforeSwitchEvent(evil)), undefined);
    assert.equal(existsSync(join(real.includeDirectory, 'docs.site')), false);

    const on = await startPlugin(real, { siteConfiguration: { path: 'x.conf' } });
    await on.call('attach', site.attachEvent());
    const linked = await site.stage({ 'index.html': 'two' });
    writeFileSync(join(real.prefix, 'outside.conf'), 'root /etc;');
    symlinkSync(join(real.prefix, 'outside.conf'), join(linked.directory, 'x.conf'));
    await on.call('beforeSwitch', site.beforeSwitchEvent(linked));
    assert.match(readFileSync(join(real.includeDirectory, 'docs.site'), 'utf8'), /brings no configuration/);
  },
);

for (const path of ['treecast/nginx.conf', 'assets/nginx.txt', 'a+b.conf'])
  testNeeding(['nginx'], `readers do not get the repository’s configuration: ${path}`, async (context) => {
    const text = '# who may read this?\n'.repeat(100);
    const files = { 'index.html': 'page', 'treecast/nginx_conf': 'other', 'aab.conf': 'other', [path]: text };
    const suffix = path.slice(path.lastIndexOf('.'));
    const config = {
      keptAssets: { paths: ['assets/**', '*.conf'] },
      twins: { bytesMin: 10, paths: ['**'] },
      cleanUrls: [suffix],
      fallback: 'index.html',
      index: [path.slice(path.lastIndexOf('/') + 1), 'index.html'],
    };
    const { real, site, plugin, publish } = await serveSite(
      context,
      { ...files, [path]: `${text}# first\n` },
      { ...config, siteConfiguration: { path } },
      { server: 'merge_slashes off;' },
    );
    await publish(files);
    assert.ok(existsSync(join(site.live().directory, `${path}.gz`)), 'it has a twin');
    const url = `/${path}`;
    for (const asked of [
      url,
      `/${url}`,
      url.replaceAll('/', '//'),
      `/${path.replaceAll('/', '%2f')}`,
      `/x/..${url}`,
      url.replace('n', '%6e'),
      `${url}.gz`,
      `${url}?x`,
      url.slice(0, -suffix.length),
      url.slice(0, url.lastIndexOf('/') + 1).replace(/^\/$/, url),
    ]) {
      const { status, body } = await real.get(asked, { 'accept-encoding': 'gzip' });
      assert.deepEqual([status, body.includes('who may')], [404, false], asked);
    }
    assert.equal((await real.get('/treecast/nginx_conf')).body, 'other', 'a dot in the path is a dot');
    assert.equal((await real.get('/aab.conf')).body, 'other', 'a plus in the path is a plus');
    assert.equal((await real.get('/some/route')).body, 'page');

    const own = await site.stage({ ...files, [path]: `location = ${url} { expires 1h; }\n` });
    await assert.rejects(plugin.call('beforeSwitch', site.beforeSwitchEvent(own)), /duplicate location/);
    // Without the policy it is a file as any other.
    await (await startPlugin(real, config, 'without')).call('attach', site.attachEvent());
    assert.equal((await real.get(url)).status, 200);
  });
