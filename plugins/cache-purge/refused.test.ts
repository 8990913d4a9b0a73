// N13: what a cache refuses for good: the rest is purged as ever, and the last pass of a job fails and names it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStandIn } from 'treecast/plugin/testing';
import { siteOrigin } from './testing/ask.ts';
import { startPlugin } from './testing/start-plugin.ts';
import { change, pathsOf, withCache } from './testing/with-cache.ts';

test('N13 400: the others are purged, the refused are named, and not tried again', async () => {
  await withCache(
    ({ path }) => (path.startsWith('/bad') ? { status: 400, body: 'no such zone' } : { status: 200 }),
    async ({ plugin, cache }) => {
      await assert.rejects(plugin.invalidate(change(['a', 'bad1', 'bad2', 'c'])), {
        message: `edge refused 2 URLs (answered 400: no such zone): ${siteOrigin}/bad1, ${siteOrigin}/bad2`,
        fix: /cannot help/,
        retryable: false,
      });
      assert.deepEqual(pathsOf(cache), ['/a', '/bad1', '/bad2', '/c']);
    },
    () => ({ fetchBound: 0 }),
  );
});

test('N13 400: the others are purged again after the fetch bound; the last pass fails and names the refused', async () => {
  await withCache(
    ({ path }) => (path.startsWith('/bad') ? { status: 400, body: 'no such zone' } : { status: 200 }),
    async ({ plugin, cache }) => {
      const refused = `edge refused 2 URLs (answered 400: no such zone): ${siteOrigin}/bad1, ${siteOrigin}/bad2`;
      const paths = ['a', 'bad1', 'bad2', 'c'];
      assert.deepEqual(await plugin.invalidate(change(paths)), {
        note: `${refused}; edge forgot 2 URLs; all are tried once more`,
        againAfterMs: 1_000,
      });
      assert.deepEqual(plugin.warnings, [refused]);
      assert.deepEqual(pathsOf(cache), ['/a', '/bad1', '/bad2', '/c']);
      await assert.rejects(plugin.invalidate(change(paths, { pass: 2 })), {
        message: refused,
        retryable: false,
      });
      assert.deepEqual(pathsOf(cache), ['/a', '/bad1', '/bad2', '/c']);
      const alone = change(['bad1'], { job: 'next' });
      await assert.rejects(plugin.invalidate(alone), { message: /^edge refused 1 URLs/, retryable: false });
    },
  );
});

for (const pass of [1, 2]) {
  test(`N13 refused in one try of pass ${pass}, owed in it too: the last try names them, also after a restart`, async () => {
    let broken = true;
    await withCache(
      ({ path }) =>
        path === '/bad' ? { status: 400 } : broken && path === '/c' ? { status: 500 } : { status: 200 },
      async ({ plugin, cache, again }) => {
        const event = change(['a', 'bad', 'c'], { pass });
        const refused = `edge refused 1 URLs (answered 400): ${siteOrigin}/bad`;
        const both = { message: `edge owes 1 of 3 URLs (answered 500); ${refused}`, retryable: true };
        await assert.rejects(plugin.invalidate(event), both);
        const restarted = await again();
        cache.take();
        await assert.rejects(restarted.invalidate(event), { message: /owes 1 of 1 URLs .*; edge refused 1/ });
        assert.deepEqual(pathsOf(cache), ['/c']);
        broken = false;
        if (pass === 1) assert.equal((await restarted.invalidate(event)).againAfterMs, 1_000);
        else await assert.rejects(restarted.invalidate(event), { message: refused, retryable: false });
        assert.deepEqual(pathsOf(cache), ['/c'], 'the refused one is told, not tried');
        await restarted.invalidate(change(['a'], { job: 'next', pass: 2 }));
      },
      () => ({ attempts: 1 }),
    );
  });
}

test('a cache that cannot forget a whole site fails the last pass; the others are purged in both', async () => {
  const [plain, far] = [
    await startStandIn(() => ({ status: 200 })),
    await startStandIn(() => ({ status: 200 })),
  ];
  const plugin = await startPlugin({
    caches: [
      { kind: 'http', name: 'plain', url: `${plain.url}{path}` },
      {
        ...{ kind: 'http', name: 'far', url: `${far.url}{path}`, attempts: 1 },
        everything: { method: 'POST', url: `${far.url}/all/{host}` },
      },
    ],
    urlMap: { origins: [siteOrigin] },
    urlsMax: 1,
  });
  try {
    const cannot = /plain has no call that forgets a whole site/;
    await far.breakIt();
    await assert.rejects(plugin.invalidate(change(['a', 'b'])), { message: cannot, retryable: true });
    await far.mend();
    const { note, againAfterMs } = await plugin.invalidate(change(['a', 'b']));
    assert.match(note ?? '', cannot);
    assert.equal(againAfterMs, 10_000);
    assert.equal(far.take().length, 1);
    await assert.rejects(plugin.invalidate(change(['a', 'b'], { pass: 2 })), {
      message: cannot,
      fix: /Raise `urlsMax`/,
      retryable: false,
    });
    assert.equal(far.take().length, 1);
    await plugin.invalidate(change(['a'], { job: 'next', pass: 2 }));
    assert.deepEqual([plain.take().length, far.take().length], [1, 1]);
  } finally {
    await plugin.close();
    await plain.close();
    await far.close();
  }
});
