// N13: what a cache answers, or does not, and what stays owed: 429, 500, broken connections, silence, a cache that is away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StandInServer, startStandIn } from 'treecast/plugin/testing';
import { siteOrigin } from './testing/ask.ts';
import { startPlugin } from './testing/start-plugin.ts';
import { change, pathsOf, withCache } from './testing/with-cache.ts';

test('N13 429 is waited for as long as the cache says, by all calls', async () => {
  let busy = 2;
  await withCache(
    () => {
      busy -= 1;
      return busy >= 0 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 200 };
    },
    async ({ plugin, cache }) => {
      await plugin.invalidate(change(['a', 'b', 'c', 'd']));
      const [first, , third] = cache.requests;
      assert.equal(cache.requests.length, 6);
      assert.ok((third?.atMs ?? 0) - (first?.atMs ?? 0) >= 990, 'nothing was sent in between');
    },
  );
});

test('N13 5xx and broken connections are tried again with growing delays', async () => {
  const answers = ['reset', { status: 500 }, { status: 503 }] as const;
  let asked = 0;
  await withCache(
    () => answers[asked++] ?? { status: 200 },
    async ({ plugin, cache }) => {
      await plugin.invalidate(change(['a']));
      const times = cache.requests.map(({ atMs }) => atMs);
      assert.equal(times.length, 4);
      const waits = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      assert.ok((waits[0] ?? 0) >= 19 && (waits[1] ?? 0) >= 39 && (waits[2] ?? 0) >= 79, waits.join(' '));
    },
    () => ({ retryDelay: 0.02 }),
  );
});

test('partial success is remembered: a retry purges what is owed alone, also after a restart', async () => {
  let broken = true;
  await withCache(
    ({ path }) => (broken && path === '/c' ? { status: 500 } : { status: 200 }),
    async ({ plugin, cache, again }) => {
      await assert.rejects(plugin.invalidate(change(['a', 'b', 'c', 'd'])), {
        message: 'edge owes 1 of 4 URLs (answered 500)',
        retryable: true,
      });
      assert.deepEqual(pathsOf(cache), ['/a', '/b', '/c', '/c', '/d']);
      const restarted = await again();
      await assert.rejects(restarted.invalidate(change(['a', 'b', 'c', 'd'])), { message: /owes 1 of 1/ });
      assert.deepEqual(pathsOf(cache), ['/c', '/c']);
      broken = false;
      assert.equal((await restarted.invalidate(change(['a', 'b', 'c', 'd']))).againAfterMs, 1_000);
      assert.deepEqual(pathsOf(cache), ['/c']);
      await restarted.invalidate(change(['a', 'b', 'c', 'd'], { pass: 2 }));
      assert.deepEqual(pathsOf(cache), ['/a', '/b', '/c', '/d'], 'the second pass is a purge of its own');
      await restarted.invalidate(change(['a', 'b', 'c', 'd']));
      assert.deepEqual(
        pathsOf(cache),
        ['/a', '/b', '/c', '/d'],
        'and so is the same one when nothing is owed',
      );
    },
    () => ({ attempts: 2 }),
  );
});

test('a cache that is away owes its purge at once, also beside another job, until it is back', async () => {
  await withCache(
    () => ({ status: 200 }),
    async ({ plugin, cache }) => {
      await cache.breakIt();
      const paths = Array.from({ length: 500 }, (_, index) => `p${index}`);
      const startedAtMs = Date.now();
      await assert.rejects(plugin.invalidate(change(paths)), {
        message: /^edge owes 500 of 500 URLs \(http:.*ECONNREFUSED/,
        fix: /what it owes is purged when it does/,
        retryable: true,
      });
      assert.ok(Date.now() - startedAtMs < 5_000, 'not 500 times four tries');
      await assert.rejects(plugin.invalidate(change(['new'], { job: 'next' })), {
        message: /owes 501 of 501/,
      });
      await cache.mend();
      const { note } = await plugin.invalidate(change(['new'], { job: 'next' }));
      assert.match(note ?? '', /501 calls/);
      assert.deepEqual(pathsOf(cache), ['/new', ...paths.map((path) => `/${path}`)].sort());
    },
  );
});

test('a cache that never answers is given up after its time, and ends with the caller’s', async () => {
  await withCache(
    () => 'hang',
    async ({ plugin }) => {
      await assert.rejects(plugin.invalidate(change(['a'])), { message: /no answer within 0.3 s/ });
    },
    () => ({ attempts: 1 }),
  );
  await withCache(
    () => 'hang',
    async ({ plugin }) => {
      await assert.rejects(plugin.invalidate(change(['a', 'b', 'c']), AbortSignal.timeout(100)), {
        message: 'edge owes 3 of 3 URLs (stopped at its time limit)',
        retryable: true,
      });
    },
    () => ({ requestTimeout: 60 }),
  );
});

test('one of two caches away: the other is purged once, not again with the retry', async () => {
  const [here, far] = [
    await startStandIn(() => ({ status: 200 })),
    await startStandIn(() => ({ status: 200 })),
  ];
  const entry = (name: string, { url }: StandInServer) => ({
    kind: 'varnish',
    name,
    endpoints: [url],
    retryDelay: 0,
  });
  const plugin = await startPlugin({
    caches: [
      { ...entry('pair', here), endpoints: [here.url, far.url] },
      { ...entry('single', here), sites: ['docs'] },
      { ...entry('foreign', here), sites: ['other'] },
    ],
    urlMap: { origins: [siteOrigin] },
  });
  try {
    await far.breakIt();
    await assert.rejects(plugin.invalidate(change(['a'])), {
      message: new RegExp(`^pair at ${far.url} owes 1 of 1 URLs`),
    });
    assert.equal(here.take().length, 2);
    await far.mend();
    await plugin.invalidate(change(['a']));
    assert.equal(here.take().length, 0);
    assert.equal(far.take().length, 1);
  } finally {
    await plugin.close();
    await here.close();
    await far.close();
  }
});

test('caches behind caches: the one nearer to the origin is clean before the next is purged', async () => {
  const order: string[] = [];
  const caches = await Promise.all(
    ['outer', 'inner'].map((name) =>
      startStandIn(() => {
        order.push(name);
        return { status: 200 };
      }),
    ),
  );
  const plugin = await startPlugin({
    caches: caches.map(({ url }, index) => ({
      ...{ kind: 'varnish', name: `layer-${1 - index}`, endpoints: [url], layer: 1 - index },
    })),
    urlMap: { origins: [siteOrigin] },
  });
  try {
    await plugin.invalidate(change(['a', 'b', 'c']));
    assert.deepEqual(order, ['inner', 'inner', 'inner', 'outer', 'outer', 'outer']);
  } finally {
    await plugin.close();
    for (const cache of caches) await cache.close();
  }
});

test('N13 an old object that is read back is an error, and stays owed', async () => {
  let age = '120';
  await withCache(
    ({ method }) => ({ status: 200, headers: method === 'GET' ? { age, 'treecast-release': '1-0001' } : {} }),
    async ({ plugin }) => {
      await assert.rejects(plugin.invalidate(change(['a', 'b'])), {
        message: /^edge still answers with old objects: http:\/\/127\S+\/[ab] \(Age 120\), .* \(Age 120\)$/,
        fix: /under another key/,
        retryable: true,
      });
      age = '0';
      await plugin.invalidate(change(['a', 'b']));
    },
    (endpoint) => ({ readBack: 'all', urlMap: { origins: [endpoint] } }),
  );
});

test('nobody knows the URLs: an error that says where to set them', async () => {
  const plugin = await startPlugin({
    caches: [{ kind: 'http', name: 'edge', url: 'http://127.0.0.1:9{path}' }],
  });
  try {
    await assert.rejects(plugin.invalidate(change(['a'])), {
      message: /nothing says under which URLs docs is served/,
      fix: /Set `urlMap`/,
      retryable: false,
    });
  } finally {
    await plugin.close();
  }
});

test('a batch call with a body, headers with values, and calls for everything and for what is missing', async () => {
  process.env['TREECAST_TEST_HTTP_KEY'] = 'key-of-the-http-cache';
  await withCache(
    ({ headers, body }) => {
      if (headers['x-api-key'] !== 'key-of-the-http-cache') return { status: 401 };
      const { purge } = JSON.parse(body) as { purge: string[] };
      return purge.length > 3 ? { status: 413 } : { status: 204 };
    },
    async ({ plugin, cache }) => {
      const { note } = await plugin.invalidate(change(['a', 'b', 'c', 'd', '404.html']));
      assert.match(note ?? '', /^6 URLs purged in 3 calls/);
      const sent = cache.take().map(({ method, path, body }) => `${method} ${path} ${body}`);
      const urls = ['404.html', 'a', 'b', 'c', 'd'].map((path) => `"${siteOrigin}/${path}"`);
      assert.deepEqual(sent.sort(), [
        `DELETE /api?host=www.example.org&status=404 {"purge":[]}`,
        `POST /api {"purge":[${urls.slice(0, 3).join(',')}]}`,
        `POST /api {"purge":[${urls.slice(3).join(',')}]}`,
      ]);
    },
    (endpoint) => ({
      urlMap: { origins: [siteOrigin], errorPages: ['404.html'] },
      url: `${endpoint}/api`,
      method: 'POST',
      batch: 3,
      body: '{"purge":{urls}}',
      headers: { 'x-api-key': { env: 'TREECAST_TEST_HTTP_KEY' } },
      missing: { method: 'DELETE', url: `${endpoint}/api?host={host}&status=404`, body: '{"purge":[]}' },
    }),
  );
});
