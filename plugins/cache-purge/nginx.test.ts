// N12, X7 on a real nginx as a cache: files removed on its machine, or fetched anew by a header.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { contentEvent, testNeeding } from 'treecast/plugin/testing';
import { cacheFile, nginxKey } from './caches/nginx-files.ts';
import { ask, siteOrigin } from './testing/ask.ts';
import { assertExactPurge } from './testing/publish-scenario.ts';
import { type NginxCache, startNginxCache } from './testing/start-nginx-cache.ts';
import { type Origin, startOrigin } from './testing/start-origin.ts';
import { startPlugin } from './testing/start-plugin.ts';

const needs = ['nginx'];
const urlMap = { origins: [siteOrigin] };
let origin: Origin;
const started = new Map<string, NginxCache>();

before(async () => {
  origin = await startOrigin();
});

after(async () => {
  for (const nginx of started.values()) await nginx.close();
  await origin.close();
});

async function running(levels = '1:2', key?: string): Promise<NginxCache> {
  const name = `${levels} ${key}`;
  const nginx = started.get(name) ?? (await startNginxCache({ originPort: origin.port, levels, key }));
  started.set(name, nginx);
  return nginx;
}

function files({ cacheDirectory, endpoint }: NginxCache, more: Record<string, unknown> = {}) {
  const proxyHost = `127.0.0.1:${origin.port}`;
  return {
    kind: 'nginx',
    name: 'front',
    mode: 'files',
    cacheDirectory,
    proxyHost,
    endpoints: [endpoint],
    ...more,
  };
}

for (const [levels, scan, keyTemplate] of [
  ['1:2', false, undefined],
  ['2:1:2', false, '$scheme$proxy_host$request_uri'],
  ['1', false, '$request_method$http_host$uri$is_args$args'],
  ['1:2', true, undefined],
] as const) {
  testNeeding(needs, `N12 N56 nginx files, levels ${levels}, scan ${scan}: 0 stale, 0 needless`, async () => {
    const nginx = await running(levels, keyTemplate);
    const plugin = await startPlugin({ caches: [files(nginx, { levels, scan, keyTemplate })], urlMap });
    try {
      const { note } = await assertExactPurge(plugin, { port: nginx.port, origin });
      const calls = scan ? 1 : 8;
      assert.equal(note, `8 URLs purged in ${calls} calls: front (8 held, holds 0 known objects)`);
    } finally {
      await plugin.close();
    }
  });
}

testNeeding(
  needs,
  'N12 nginx bypass: exactly what changed is fetched anew, pages that are gone too',
  async () => {
    const { port, endpoint } = await running();
    const plugin = await startPlugin({
      caches: [
        {
          ...{ kind: 'nginx', name: 'front', mode: 'bypass', endpoints: [endpoint], readBack: 'all' },
          readBackCheck: { header: 'x-cache-status', contains: 'HIT' },
        },
      ],
      urlMap,
    });
    try {
      const { note } = await assertExactPurge(plugin, { port, origin });
      assert.equal(note, '8 URLs purged in 8 calls: front (holds 8 known objects)');
    } finally {
      await plugin.close();
    }
  },
);

testNeeding(needs, 'X7 nginx: a scan finds every variant of a URL', async () => {
  const nginx = await running();
  const languages = ['de', 'en', 'fr'];
  const plugin = await startPlugin({ caches: [files(nginx, { scan: true })], urlMap });
  try {
    origin.serve({ '/v.html': 'old {language}' });
    for (const language of languages) await ask(nginx.port, '/v.html', { 'accept-language': language });
    origin.serve({ '/v.html': 'new {language}' });
    for (const language of languages)
      assert.equal(
        (await ask(nginx.port, '/v.html', { 'accept-language': language })).body,
        `old ${language}`,
      );
    await plugin.invalidate(contentEvent({ from: { 'v.html': '1' }, to: { 'v.html': '2' } }));
    for (const language of languages)
      assert.equal(
        (await ask(nginx.port, '/v.html', { 'accept-language': language })).body,
        `new ${language}`,
      );
  } finally {
    await plugin.close();
  }
});

testNeeding(
  needs,
  'nginx files: an error page that changed takes what was cached as missing; too many URLs take everything',
  async () => {
    const nginx = await running();
    const plugin = await startPlugin({
      caches: [files(nginx)],
      urlMap: { ...urlMap, errorPages: ['404.html'] },
      urlsMax: 1,
    });
    try {
      const urls = ['/none/1', '/none/2', '/page.html'];
      origin.serve({ '/404.html': 'old error', '/page.html': 'page' });
      for (const url of urls) await ask(nginx.port, url);
      origin.serve({ '/404.html': 'new error', '/page.html': 'page' });
      origin.takeAsked();
      await plugin.invalidate(contentEvent({ from: { '404.html': '1' }, to: { '404.html': '2' } }));
      for (const url of urls) await ask(nginx.port, url);
      assert.deepEqual(origin.takeAsked(), ['/none/1', '/none/2']);
      const many = { from: { 'a.html': '1', 'b.html': '1' }, to: { 'a.html': '2', 'b.html': '2' } };
      await plugin.invalidate(contentEvent({ ...many, job: 'many' }));
      for (const url of urls) await ask(nginx.port, url);
      assert.deepEqual(origin.takeAsked(), urls);
    } finally {
      await plugin.close();
    }
  },
);

testNeeding([], 'nginx keys and file names are nginx’s own', () => {
  const config = { keyTemplate: '$scheme$proxy_host$request_uri', proxyHost: 'backend', scheme: undefined };
  assert.equal(nginxKey(config, 'https://example.org/a%20b?c=1'), 'httpsbackend/a%20b?c=1');
  assert.equal(
    nginxKey(
      { ...config, keyTemplate: '$request_method $host$uri$is_args$args$cookie_x' },
      'http://example.org:8080/a%20b?c=1',
    ),
    'GET example.org/a b?c=1',
  );
  // From the nginx manual's example: the last digits name the directories.
  assert.match(cacheFile('x', '1:2'), /^([0-9a-f])\/([0-9a-f]{2})\/[0-9a-f]{29}\2\1$/);
});

testNeeding([], 'a cache directory that is not there is found at start', async () => {
  await assert.rejects(
    startPlugin({
      caches: [{ kind: 'nginx', name: 'front', mode: 'files', cacheDirectory: '/nowhere', proxyHost: 'a' }],
    }),
    { message: /front: \/nowhere cannot be read and written here/, fix: /user that may/ },
  );
});
