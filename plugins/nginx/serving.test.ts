// What readers get from a real nginx while trees change: one release for each answer, nothing old, and no reload.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createSiteOnDisk, type FilesByPath, testNeeding } from 'treecast/plugin/testing';
import { serveSite } from './testing/beside-nginx.ts';
import { createRealNginx } from './testing/real-nginx.ts';
import { startPlugin } from './testing/start-plugin.ts';

testNeeding(
  ['nginx'],
  'a publish is seen by the next request, with its release in a header, and needs no reload',
  async (context) => {
    const { real, publish } = await serveSite(context, { 'index.html': 'one', 'a/index.html': 'a one' });
    for (const [path, body] of [
      ['/', 'one'],
      ['/a/', 'a one'],
      ['/index.html', 'one'],
    ] as const) {
      const answer = await real.get(path);
      assert.deepEqual(
        [answer.status, answer.body, answer.headers['treecast-release']],
        [200, body, '1-0001'],
      );
    }
    await publish({ 'index.html': 'two', 'a/index.html': 'a two' });
    for (const [path, body] of [
      ['/', 'two'],
      ['/a/', 'a two'],
    ] as const) {
      const answer = await real.get(path);
      assert.deepEqual(
        [answer.status, answer.body, answer.headers['treecast-release']],
        [200, body, '1-0002'],
      );
    }
    assert.equal(real.reloads(), 0);
    const directory = await real.get('/a');
    assert.deepEqual([directory.status, directory.headers['treecast-release']], [301, '1-0002']);
  },
);

testNeeding(
  ['nginx'],
  'under load every answer is of the release its header names, and none fails (N5)',
  async (context) => {
    const { real, publish } = await serveSite(
      context,
      { 'index.html': '1-0001', 'p.html': '1-0001' },
      {},
      { http: 'open_file_cache max=100 inactive=60s; open_file_cache_valid 60s; open_file_cache_errors on;' },
    );
    let stopped = false;
    const wrong: string[] = [];
    let asked = 0;
    const readers = ['/', '/p.html', '/'].map(async (path) => {
      while (!stopped) {
        const { status, body, headers } = await real.get(path);
        asked += 1;
        if (status !== 200 || body !== headers['treecast-release'])
          wrong.push(`${status} ${body} ${String(headers['treecast-release'])}`);
      }
    });
    for (let release = 2; release <= 25; release += 1) {
      const name = `1-${String(release).padStart(4, '0')}`;
      await publish({ 'index.html': name, 'p.html': name });
      // N12, with open_file_cache on: nothing old once the switch is done.
      assert.equal((await real.get('/p.html')).body, name);
    }
    stopped = true;
    await Promise.all(readers);
    assert.deepEqual(wrong, []);
    assert.ok(asked > 50, `${asked} requests`);
    assert.equal(real.reloads(), 0);
  },
);

testNeeding(
  ['nginx'],
  'unchanged files keep their ETag and their 304 over a switch; also a 304 names its release (N22)',
  async (context) => {
    const { real, publish } = await serveSite(context, { 'index.html': 'one', 'same.css': 'same' });
    const first = await real.get('/same.css');
    const etag = String(first.headers['etag']);
    const changed = String((await real.get('/')).headers['etag']);
    await publish({ 'index.html': 'two', 'same.css': 'same' });
    const again = await real.get('/same.css', { 'if-none-match': etag });
    assert.deepEqual(
      [again.status, again.headers['etag'], again.headers['treecast-release']],
      [304, etag, '1-0002'],
    );
    const since = await real.get('/same.css', {
      'if-modified-since': String(first.headers['last-modified']),
    });
    assert.equal(since.status, 304);
    assert.equal((await real.get('/', { 'if-none-match': changed })).status, 200);
  },
);

testNeeding(
  ['nginx'],
  'names that begin with a dot are not there, but .well-known is; error pages keep the header',
  async (context) => {
    const { real } = await serveSite(
      context,
      {
        'index.html': 'i',
        '.git/config': 'secret',
        'a/.env': 'secret',
        '.well-known/security.txt': 'contact',
        '.well-knownx': 'secret',
        '404.html': 'missing page',
      },
      { errorPage: '404.html' },
    );
    for (const path of [
      '/.git/config',
      '/a/.env',
      '/.git',
      '/.well-knownx',
      '/%2egit/config',
      '/a/..%2f.git/config',
    ]) {
      const { status, body } = await real.get(path);
      assert.equal(status, 404, path);
      assert.doesNotMatch(body, /secret/);
    }
    assert.equal((await real.get('/.well-known/security.txt')).body, 'contact');
    const missing = await real.get('/nowhere');
    assert.deepEqual(
      [missing.status, missing.body, missing.headers['treecast-release']],
      [404, 'missing page', '1-0001'],
    );
  },
);

testNeeding(
  ['nginx'],
  'a page finds its assets for the last releases, a missing one is a plain 404 (X15)',
  async (context) => {
    const release = (n: number): FilesByPath => ({
      'index.html': `page ${n}`,
      [`assets/app-${n}.js`]: `app ${n}`,
      [`img-0000000${n}.svg`]: `image ${n}`,
    });
    const { real, publish, plugin, site } = await serveSite(context, release(1), {
      keptAssets: { releases: 2 },
      fallback: 'index.html',
      assetExpires: '365d',
      errorPage: '404.html',
    });
    await publish(release(2));
    await publish(release(3));
    for (const n of [1, 2, 3]) {
      const script = await real.get(`/assets/app-${n}.js`);
      assert.deepEqual([script.status, script.body], [200, `app ${n}`]);
      assert.match(String(script.headers['cache-control']), /max-age=31536000/);
      assert.equal(script.headers['treecast-release'], n === 3 ? '1-0003' : 'kept');
      assert.equal((await real.get(`/img-0000000${n}.svg`)).body, `image ${n}`);
    }
    const missing = await real.get('/assets/app-9.js');
    assert.deepEqual(
      [missing.status, missing.headers['content-type'], missing.body],
      [404, 'text/plain', 'not found'],
    );
    assert.equal((await real.get('/some/route')).body, 'page 3');
    await publish(release(4));
    await publish(release(5));
    assert.deepEqual(
      [(await real.get('/assets/app-1.js')).status, (await real.get('/assets/app-3.js')).status],
      [404, 200],
    );
    assert.equal(real.reloads(), 0);
    await plugin.call('detach', site.attachEvent());
    await plugin.call('detach', site.attachEvent());
  },
);

testNeeding(
  ['nginx'],
  'twins are served to those who take them, with the file’s type and an ETag that stays',
  async (context) => {
    const text = 'body { color: black }\n'.repeat(100);
    const { real, publish } = await serveSite(
      context,
      { 'index.html': 'i', 'a.css': text },
      { twins: { encodings: ['gzip', 'br'] } },
    );
    await publish({ 'index.html': 'i', 'a.css': `${text}/* two */` });
    const packed = await real.get('/a.css', { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(packed.headers['content-type'], 'text/css');
    assert.match(String(packed.headers['vary']), /accept-encoding/i);
    assert.equal(gunzipSync(Buffer.from(packed.body, 'latin1')).toString(), `${text}/* two */`);
    const plain = await real.get('/a.css');
    assert.deepEqual([plain.headers['content-encoding'], plain.body.length], [undefined, text.length + 9]);
    const again = await real.get('/a.css', {
      'accept-encoding': 'gzip',
      'if-none-match': String(packed.headers['etag']),
    });
    assert.equal(again.status, 304);
  },
);

testNeeding(
  ['nginx'],
  'a link that leads nowhere serves nothing of this node, and the first tree is served without a reload',
  async (context) => {
    const { real, site } = await serveSite(
      context,
      { 'index.html': 'one' },
      { keptAssets: {}, fallback: 'index.html', siteConfiguration: {} },
    );
    rmSync(site.liveLink);
    for (const path of ['/etc/hostname', '/etc/passwd', '/', '/assets/x', real.mainConfiguration]) {
      const { status, body } = await real.get(path);
      assert.ok(status === 404 || status === 500, `${path}: ${status}`);
      assert.doesNotMatch(body, /root:|worker_processes/);
    }
    await site.switchTo(site.live());
    assert.deepEqual([(await real.get('/')).body, real.reloads()], ['one', 0]);
  },
);

testNeeding(['nginx'], 'URLs without a suffix, and a server block of Treecast’s own', async (context) => {
  const real = createRealNginx({ instead: 'include treecast/*.conf;' });
  context.after(() => real.close());
  const site = await createSiteOnDisk('docs', {
    'index.html': 'i',
    'about.html': 'about',
    'a b/c.html': 'c',
  });
  context.after(() => site.remove());
  const plugin = await startPlugin(real, {
    cleanUrls: ['.html'],
    servers: {
      docs: {
        listen: [`unix:${real.socket}`],
        serverName: ['docs.test', '*.docs.test'],
      },
    },
  });
  await plugin.call('attach', site.attachEvent());
  await real.start();
  assert.deepEqual(
    [
      (await real.get('/about')).body,
      (await real.get('/about.html')).body,
      (await real.get('/a%20b/c')).body,
    ],
    ['about', 'about', 'c'],
  );
  assert.equal((await real.get('/nowhere')).status, 404);
  await plugin.call('detach', site.attachEvent());
});

testNeeding(
  ['nginx'],
  'a server block of one’s own with open_file_cache: told at attach, and new at once with cacheReload',
  async (context) => {
    const own = (real: { socket: string }, root: string): string =>
      `server { listen unix:${real.socket}; server_name docs.test; root ${root}; open_file_cache max=100 inactive=60s; open_file_cache_valid 60s; }`;
    const site = await createSiteOnDisk('docs', { 'index.html': 'one' });
    context.after(() => site.remove());
    const real = createRealNginx({ instead: 'include own.conf;' });
    context.after(() => real.close());
    writeFileSync(join(real.prefix, 'own.conf'), own(real, site.liveLink));
    const plain = await startPlugin(real);
    assert.match((await plain.call('attach', site.attachEvent()))?.note ?? '', /open_file_cache/);
    await real.start();
    const plugin = await startPlugin(real, { cacheReload: true });
    assert.doesNotMatch((await plugin.call('attach', site.attachEvent()))?.note ?? '', /open_file_cache/);
    assert.equal((await real.get('/index.html')).body, 'one');
    const to = await site.stage({ 'index.html': 'two' });
    const event = site.switchEvent(to);
    await site.switchTo(to);
    assert.deepEqual(await plugin.call('afterSwitch', event), { note: 'nginx reloaded' });
    for (let n = 0; n < 10; n += 1) assert.equal((await real.get('/index.html')).body, 'two');
    assert.equal(real.reloads(), 1);
  },
);
