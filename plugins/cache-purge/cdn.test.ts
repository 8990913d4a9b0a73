// N13 N53: Fastly, Cloudflare and ngx_cache_purge, against stand-ins that enforce the documented limits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentEvent } from 'treecast/plugin/testing';
import { siteHost, siteOrigin } from './testing/ask.ts';
import { startCachePurgeModule } from './testing/cache-purge-module-stand-in.ts';
import { startCloudflare } from './testing/cloudflare-stand-in.ts';
import { startFastly } from './testing/fastly-stand-in.ts';
import { startPlugin } from './testing/start-plugin.ts';

process.env['TREECAST_TEST_CDN_TOKEN'] = 'cdn-token-of-the-tests';
const tokenText = 'cdn-token-of-the-tests';
const token = { env: 'TREECAST_TEST_CDN_TOKEN' };
const zone = 'ab'.repeat(16);
const urlMap = { origins: [siteOrigin] };

function pages(count: number, text: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`page-${index}.html`, text]));
}

const event = (count: number) => contentEvent({ from: pages(count, 'old'), to: pages(count, 'new') });

test('N13 Fastly by URL: each changed URL once, rate limits waited for, other objects stay', async () => {
  const fastly = await startFastly(tokenText, 'SVC1');
  for (const path of [...Object.keys(pages(40, '')), 'kept.html'])
    fastly.objects.set(`${siteHost}/${path}`, []);
  const plugin = await startPlugin({
    caches: [{ kind: 'fastly', name: 'fastly', api: fastly.url, service: 'SVC1', token, concurrency: 4 }],
    urlMap,
  });
  try {
    fastly.limitNext(3);
    const startedAtMs = Date.now();
    const { note } = await plugin.invalidate(event(40));
    assert.match(note ?? '', /^40 URLs purged in 43 calls: fastly/);
    assert.ok(Date.now() - startedAtMs >= 990, 'Retry-After: 1');
    assert.deepEqual([...fastly.objects.keys()], [`${siteHost}/kept.html`]);
  } finally {
    await plugin.close();
    await fastly.close();
  }
});

test('N13 N53 Fastly by key: batches of 256, softly; a key too long goes by URL; a 404 page has a key of its own', async () => {
  const fastly = await startFastly(tokenText, 'SVC1');
  const long = `${'x'.repeat(1_100)}.html`;
  const from = { ...pages(600, 'old'), [long]: 'old', '404.html': 'old' };
  const to = { ...pages(600, 'new'), [long]: 'new', '404.html': 'new' };
  for (const path of Object.keys(from)) fastly.objects.set(`${siteHost}/${path}`, [`docs:/${path}`]);
  fastly.objects.set(`${siteHost}/nowhere`, ['missing']).set(`${siteHost}/kept`, ['docs:/kept']);
  const plugin = await startPlugin({
    caches: [
      {
        ...{ kind: 'fastly', name: 'fastly', api: fastly.url, service: 'SVC1', token },
        ...{ mode: 'keys', keys: ['{site}:{path}'], soft: true, missingKey: 'missing' },
      },
    ],
    urlMap: { ...urlMap, errorPages: ['404.html'] },
  });
  try {
    await plugin.invalidate(contentEvent({ from, to }));
    assert.deepEqual([...fastly.objects.keys()], [`${siteHost}/kept`]);
    assert.equal(fastly.softPurged.length, 603);
    const counts = fastly.requests.map(({ path, body }) =>
      path.endsWith('/purge') ? (JSON.parse(body) as { surrogate_keys: string[] }).surrogate_keys.length : 0,
    );
    assert.deepEqual(
      counts.toSorted((a, b) => b - a),
      [256, 256, 89, 1, 0],
    );
  } finally {
    await plugin.close();
    await fastly.close();
  }
});

test('too many URLs, or a 404 page without a key: Fastly forgets everything, never softly', async () => {
  const fastly = await startFastly(tokenText, 'SVC1');
  const plugin = await startPlugin({
    caches: [{ kind: 'fastly', name: 'fastly', api: fastly.url, service: 'SVC1', token, soft: true }],
    urlMap: { ...urlMap, errorPages: ['404.html'] },
    urlsMax: 5,
  });
  try {
    fastly.objects.set('a', []);
    await plugin.invalidate(event(6));
    assert.equal(fastly.objects.size, 0);
    fastly.objects.set('a', []);
    await plugin.invalidate(
      contentEvent({ from: { '404.html': '1' }, to: { '404.html': '2' }, job: 'error-page' }),
    );
    assert.equal(fastly.objects.size, 0);
    assert.deepEqual(
      fastly.requests.map(({ path }) => path),
      ['/service/SVC1/purge_all', '/service/SVC1/purge_all'],
    );
  } finally {
    await plugin.close();
    await fastly.close();
  }
});

test('N13 Cloudflare by files: 30 a call, variants with their headers, 429 waited for, nothing needless', async () => {
  const cloudflare = await startCloudflare(tokenText, zone);
  const languages = ['de', 'en'];
  for (const path of [...Object.keys(pages(100, '')), 'kept.html'])
    for (const language of languages)
      cloudflare.objects.set(`${siteOrigin}/${path} {${language}}`, {
        headers: { 'Accept-Language': language },
      });
  const plugin = await startPlugin({
    caches: [{ kind: 'cloudflare', name: 'cf', api: cloudflare.url, zone, token, concurrency: 2 }],
    urlMap: { ...urlMap, variants: [{ header: 'Accept-Language', values: languages }] },
  });
  try {
    cloudflare.limitNext(1);
    const { note } = await plugin.invalidate(event(100));
    assert.match(note ?? '', /^100 URLs purged in 8 calls: cf/, '200 entries are 7 calls, one of them twice');
    assert.deepEqual(
      [...cloudflare.objects.keys()],
      languages.map((language) => `${siteOrigin}/kept.html {${language}}`),
    );
  } finally {
    await plugin.close();
    await cloudflare.close();
  }
});

test('N13 Cloudflare by tags', async () => {
  const cloudflare = await startCloudflare(tokenText, zone);
  for (const path of [...Object.keys(pages(61, '')), 'kept.html'])
    cloudflare.objects.set(`${siteOrigin}/${path}`, { tags: [`/${path}`] });
  const plugin = await startPlugin({
    caches: [{ kind: 'cloudflare', name: 'cf', api: cloudflare.url, zone, token, mode: 'tags' }],
    urlMap,
  });
  try {
    const { note } = await plugin.invalidate(event(61));
    assert.match(note ?? '', /in 3 calls/);
    assert.deepEqual([...cloudflare.objects.keys()], [`${siteOrigin}/kept.html`]);
  } finally {
    await plugin.close();
    await cloudflare.close();
  }
});

test('too many URLs of a site below a prefix: Cloudflare forgets what is below it', async () => {
  const cloudflare = await startCloudflare(tokenText, zone);
  cloudflare.objects.set(`${siteOrigin}/docs/page-1.html`, {}).set(`${siteOrigin}/shop/`, {});
  const plugin = await startPlugin({
    caches: [{ kind: 'cloudflare', name: 'cf', api: cloudflare.url, zone, token }],
    urlMap: { ...urlMap, prefix: '/docs/' },
    urlsMax: 2,
  });
  try {
    await plugin.invalidate(event(3));
    assert.deepEqual([...cloudflare.objects.keys()], [`${siteOrigin}/shop/`]);
  } finally {
    await plugin.close();
    await cloudflare.close();
  }
});

test('too many URLs: Cloudflare forgets the hosts; 404 pages by their tag', async () => {
  const cloudflare = await startCloudflare(tokenText, zone);
  cloudflare.objects
    .set(`${siteOrigin}/page-1.html`, {})
    .set('https://other.example.org/', {})
    .set('https://other.example.org/nowhere', { tags: ['missing'] });
  const plugin = await startPlugin({
    caches: [{ kind: 'cloudflare', name: 'cf', api: cloudflare.url, zone, token, missingTag: 'missing' }],
    urlMap: { ...urlMap, errorPages: ['404.html'] },
    urlsMax: 2,
  });
  try {
    await plugin.invalidate(event(3));
    assert.equal(cloudflare.objects.size, 2);
    await plugin.invalidate(
      contentEvent({ from: { '404.html': '1' }, to: { '404.html': '2' }, job: 'error-page' }),
    );
    assert.deepEqual([...cloudflare.objects.keys()], ['https://other.example.org/']);
  } finally {
    await plugin.close();
    await cloudflare.close();
  }
});

test('a token that is refused is said to be, and never shown', async () => {
  const [cloudflare, fastly] = [
    await startCloudflare('another token', zone),
    await startFastly('another', 'SVC1'),
  ];
  const plugin = await startPlugin({
    caches: [
      { kind: 'cloudflare', name: 'cf', api: cloudflare.url, zone, token },
      { kind: 'fastly', name: 'fastly', api: fastly.url, service: 'SVC1', token, concurrency: 2 },
    ],
    urlMap,
  });
  try {
    await assert.rejects(
      plugin.invalidate(event(100)),
      (error: Error & { fix?: string; retryable?: boolean }) => {
        assert.match(error.message, /cf owes 100 of 100 URLs \(answered 403: .*Authentication error/);
        assert.match(error.message, /fastly owes 100 of 100 URLs \(answered 401/);
        assert.match(error.fix ?? '', /token/);
        assert.equal(error.retryable, true);
        assert.doesNotMatch(error.message + error.fix, /cdn-token/);
        return true;
      },
    );
    assert.ok(fastly.requests.length <= 2, 'whoever is let in nowhere does not ask a hundred times');
  } finally {
    await plugin.close();
    await cloudflare.close();
    await fastly.close();
  }
});

test('ngx_cache_purge: a location with the path behind it', async () => {
  const cache = await startCachePurgeModule();
  const plugin = await startPlugin({
    caches: [{ kind: 'nginx', name: 'front', endpoints: [cache.url], mode: 'purge' }],
    urlMap,
  });
  try {
    for (const path of [...Object.keys(pages(1_000, '')), 'kept.html'])
      cache.objects.add(`${siteHost}/${path}`);
    cache.objects.delete(`${siteHost}/page-0.html`);
    const { note } = await plugin.invalidate(event(1_000));
    assert.match(note ?? '', /^1000 URLs purged in 1000 calls: front \(999 held/);
    assert.deepEqual([...cache.objects], [`${siteHost}/kept.html`]);
  } finally {
    await plugin.close();
    await cache.close();
  }
});
