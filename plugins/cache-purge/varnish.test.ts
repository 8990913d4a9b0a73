// N12, X7 on a real Varnish with the shipped VCL: exactly what changed is fetched anew, in every mode.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { urlMapSchema } from 'treecast/plugin';
import { contentEvent, testNeeding } from 'treecast/plugin/testing';
import { ask, siteHost, siteOrigin } from './testing/ask.ts';
import { measurePurge } from './testing/measure-purge.ts';
import { assertExactPurge } from './testing/publish-scenario.ts';
import { type Origin, startOrigin } from './testing/start-origin.ts';
import { startPlugin } from './testing/start-plugin.ts';
import type { RunningProgram } from './testing/start-program.ts';
import { startVarnish } from './testing/start-varnish.ts';

const needs = ['varnishd', 'cc'];
const secretText = 'varnish-purge-secret';
process.env['TREECAST_TEST_VARNISH_SECRET'] = secretText;
const secret = { env: 'TREECAST_TEST_VARNISH_SECRET' };
const urlMap = urlMapSchema.parse({ origins: [siteOrigin] });

let origin: Origin;
let varnish: RunningProgram | undefined;

before(async () => {
  origin = await startOrigin();
});

after(async () => {
  await varnish?.close();
  await origin.close();
});

async function running(): Promise<RunningProgram> {
  varnish ??= await startVarnish({ originPort: origin.port, secret: secretText });
  return varnish;
}

for (const mode of ['purge', 'ban'] as const) {
  testNeeding(
    needs,
    `N12 N56 varnish ${mode}: 0 stale, 0 needless, also what was cached as missing`,
    async () => {
      const { port, endpoint } = await running();
      const plugin = await startPlugin({
        caches: [
          {
            kind: 'varnish',
            name: 'edge',
            endpoints: [endpoint],
            mode,
            secret,
            readBack: 'all',
            fetchBound: 5,
          },
        ],
        urlMap,
      });
      try {
        const event = { job: `job-${mode}` };
        const { note, againAfterMs } = await assertExactPurge(plugin, { port, origin, event });
        assert.equal(againAfterMs, 5_000);
        const expected =
          mode === 'purge'
            ? '8 URLs purged in 8 calls: edge (8 held, holds 8 known objects)'
            : '8 URLs purged in 1 calls: edge (holds 8 known objects)';
        assert.equal(note, expected);
      } finally {
        await plugin.close();
      }
    },
  );
}

testNeeding(needs, 'X7: a PURGE forgets every variant of a URL', async () => {
  const { port, endpoint } = await running();
  origin.serve({ '/v.html': 'old {language}' });
  const plugin = await startPlugin({
    caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], secret }],
  });
  try {
    for (const language of ['de', 'en']) await ask(port, '/v.html', { 'accept-language': language });
    origin.serve({ '/v.html': 'new {language}' });
    assert.equal((await ask(port, '/v.html', { 'accept-language': 'de' })).body, 'old de');
    await plugin.invalidate(contentEvent({ from: { 'v.html': '1' }, to: { 'v.html': '2' }, urlMap }));
    for (const language of ['de', 'en'])
      assert.equal((await ask(port, '/v.html', { 'accept-language': language })).body, `new ${language}`);
  } finally {
    await plugin.close();
  }
});

testNeeding(
  needs,
  'N56: an error page that changed makes everything cached as missing stale, and nothing else',
  async () => {
    const { port, endpoint } = await running();
    origin.serve({ '/404.html': 'old error', '/page.html': 'page' });
    const plugin = await startPlugin({
      caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], secret }],
      urlMap: { origins: [siteOrigin], errorPages: ['404.html'] },
    });
    try {
      for (const url of ['/nowhere/1', '/nowhere/2', '/page.html']) await ask(port, url);
      origin.serve({ '/404.html': 'new error', '/page.html': 'page' });
      assert.equal((await ask(port, '/nowhere/1')).body, 'old error');
      origin.takeAsked();
      await plugin.invalidate(contentEvent({ from: { '404.html': '1' }, to: { '404.html': '2' } }));
      for (const url of ['/nowhere/1', '/nowhere/2']) assert.equal((await ask(port, url)).body, 'new error');
      await ask(port, '/page.html');
      assert.deepEqual(origin.takeAsked(), ['/nowhere/1', '/nowhere/2']);
    } finally {
      await plugin.close();
    }
  },
);

testNeeding(needs, 'too many URLs: everything of the host is forgotten, of no other host', async () => {
  const { port, endpoint } = await running();
  origin.serve({ '/a.html': 'old', '/b.html': 'old', '/c.html': 'same' });
  const plugin = await startPlugin({
    caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], secret }],
    urlMap,
    urlsMax: 1,
  });
  try {
    const foreign = { host: 'other.example.org' };
    for (const url of ['/a.html', '/b.html', '/c.html']) await ask(port, url);
    await ask(port, '/c.html', foreign);
    origin.takeAsked();
    const files = { 'a.html': 'old', 'b.html': 'old', 'c.html': 'same' };
    await plugin.invalidate(
      contentEvent({ from: files, to: { ...files, 'a.html': 'new', 'b.html': 'new' } }),
    );
    for (const url of ['/a.html', '/b.html', '/c.html']) await ask(port, url);
    await ask(port, '/c.html', foreign);
    assert.deepEqual(origin.takeAsked(), ['/a.html', '/b.html', '/c.html']);
  } finally {
    await plugin.close();
  }
});

testNeeding(needs, 'too many URLs of a site below a prefix: the rest of the host is kept', async () => {
  const { port, endpoint } = await running();
  const urls = ['/docs', '/docs/a.html', '/docs-old/', '/shop/'];
  origin.serve(Object.fromEntries(urls.map((url) => [url, 'x'])));
  const plugin = await startPlugin({
    caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], secret }],
    urlMap: { ...urlMap, prefix: '/docs/' },
    urlsMax: 1,
  });
  try {
    for (const url of urls) await ask(port, url);
    origin.takeAsked();
    await plugin.invalidate(contentEvent({ from: { a: '1', b: '1' }, to: { a: '2', b: '2' } }));
    for (const url of urls) await ask(port, url);
    assert.deepEqual(origin.takeAsked(), ['/docs', '/docs/a.html']);
  } finally {
    await plugin.close();
  }
});

testNeeding(
  needs,
  'a fetch under way during the purge puts an old object back; the second pass forgets it',
  async () => {
    const { port, endpoint } = await running();
    origin.serve({ '/slow.html': 'old' });
    const plugin = await startPlugin({
      caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], secret, fetchBound: 1 }],
      urlMap,
    });
    try {
      const held = origin.hold('/slow.html');
      const early = ask(port, '/slow.html');
      await held.reached;
      origin.serve({ '/slow.html': 'new' });
      const event = contentEvent({ from: { 'slow.html': '1' }, to: { 'slow.html': '2' }, job: 'slow' });
      const first = await plugin.invalidate(event);
      assert.equal(first.againAfterMs, 1_000);
      held.release();
      assert.equal((await early).body, 'old');
      assert.equal((await ask(port, '/slow.html')).body, 'old', 'the old object is back');
      await plugin.invalidate({ ...event, pass: 2 });
      assert.equal((await ask(port, '/slow.html')).body, 'new');
    } finally {
      await plugin.close();
    }
  },
);

testNeeding(
  needs,
  'N53: soft purge serves the old object once more and fetches meanwhile; warm-up fetches what was held',
  async () => {
    const { port, endpoint } = await running();
    origin.serve({ '/soft.html': 'old', '/top.html': 'top' });
    const plugin = await startPlugin({
      caches: [
        {
          kind: 'varnish',
          name: 'edge',
          endpoints: [endpoint],
          secret,
          soft: true,
          warm: { urls: ['/top.html'], top: 5 },
        },
      ],
      urlMap,
    });
    try {
      await ask(port, '/soft.html');
      origin.serve({ '/soft.html': 'new', '/top.html': 'top' });
      const event = contentEvent({
        from: { 'soft.html': '1', 'unheld.html': '1' },
        to: { 'soft.html': '2', 'unheld.html': '2' },
      });
      await plugin.invalidate(event);
      origin.takeAsked();
      assert.equal((await ask(port, '/soft.html')).body, 'old', 'within its grace');
      const { note } = await plugin.warm(event);
      assert.equal(note, '2 URLs warmed');
      assert.equal((await ask(port, '/soft.html')).body, 'new');
      assert.deepEqual(
        origin.takeAsked().sort(),
        ['/soft.html', '/top.html'],
        'what it did not hold is not fetched',
      );
    } finally {
      await plugin.close();
    }
  },
);

testNeeding(
  needs,
  'a secret that is wrong, or a machine that may not purge, is an error that says so',
  async () => {
    const { port, endpoint } = await running();
    process.env['TREECAST_TEST_WRONG_SECRET'] = 'something else';
    const event = contentEvent({ from: { 'x.html': '1' }, to: { 'x.html': '2' }, urlMap });
    origin.serve({ '/x.html': 'x' });
    await ask(port, '/x.html');
    const stranger = await startVarnish({ originPort: origin.port, purger: '192.0.2.1' });
    const wrong = await startPlugin({
      caches: [
        {
          kind: 'varnish',
          name: 'edge',
          endpoints: [endpoint],
          secret: { env: 'TREECAST_TEST_WRONG_SECRET' },
        },
        { kind: 'varnish', name: 'far', endpoints: [stranger.endpoint] },
      ],
    });
    try {
      await assert.rejects(wrong.invalidate(event), {
        message:
          /edge owes 1 of 1 URLs \(answered 405: Wrong secret\); far owes 1 of 1 URLs \(answered 405: Not from here\)/,
        fix: /ACL, the secret/,
        retryable: true,
      });
      origin.takeAsked();
      await ask(port, '/x.html');
      assert.deepEqual(origin.takeAsked(), [], 'nothing was forgotten');
      const forged = await ask(port, '/', { 'x-ban-host': siteHost }, 'BAN');
      assert.equal(forged.status, 405);
    } finally {
      await wrong.close();
      await stranger.close();
    }
  },
);

testNeeding(
  needs,
  'where the file with the secret cannot be read, or is empty, nobody may purge',
  async () => {
    for (const options of [{ secret: '' }, { secret: secretText, isSecretGone: true }]) {
      const { port, close } = await startVarnish({ originPort: origin.port, ...options });
      try {
        for (const headers of [
          {},
          { 'x-treecast-secret': '' },
          { 'x-treecast-secret': ' ' },
          { 'x-treecast-secret': secretText },
        ])
          for (const method of ['PURGE', 'BAN'])
            assert.equal((await ask(port, '/', { 'x-ban-host': siteHost, ...headers }, method)).status, 405);
      } finally {
        await close();
      }
    }
  },
);

testNeeding(needs, 'what the bench measures is a purge of everything that was read', async () => {
  const { roundsMs, medianMs, forgotten } = await measurePurge({ urls: 300, rounds: 2 });
  assert.equal(forgotten, 600);
  assert.equal(roundsMs.length, 2);
  assert.ok(roundsMs.includes(medianMs) && medianMs > 0);
});
