// N12, N53: keys on a real Varnish with the real vmod xkey and both VCLs that are shipped: exactly what changed is fetched anew.

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { contentEvent, testNeeding, until } from 'treecast/plugin/testing';
import { ask, siteOrigin } from './testing/ask.ts';
import { assertExactPurge } from './testing/publish-scenario.ts';
import { type Origin, startOrigin } from './testing/start-origin.ts';
import { type StartedPlugin, startPlugin } from './testing/start-plugin.ts';
import type { RunningProgram } from './testing/start-program.ts';
import { startVarnish } from './testing/start-varnish.ts';

const hasXkey = globSync('/usr/{lib,lib64,local/lib}/{,*/}varnish/vmods/libvmod_xkey.so').length > 0;
const needs = ['varnishd', 'cc', ...(hasXkey ? [] : ['vmod xkey (varnish-modules)'])];
const vcl = `include "${join(import.meta.dirname, 'varnish', 'treecast-xkey.vcl')}";`;
const secretText = 'xkey-purge-secret';
process.env['TREECAST_TEST_XKEY_SECRET'] = secretText;
const secret = { env: 'TREECAST_TEST_XKEY_SECRET' };

let origin: Origin;
let varnish: RunningProgram | undefined;

before(async () => {
  origin = await startOrigin();
});

after(async () => {
  await varnish?.close();
  await origin.close();
});

async function withKeys(
  more: Record<string, unknown>,
  use: (facts: { readonly plugin: StartedPlugin; readonly port: number }) => Promise<void>,
): Promise<void> {
  varnish ??= await startVarnish({ originPort: origin.port, secret: secretText, vcl });
  const { port, endpoint } = varnish;
  const plugin = await startPlugin({
    caches: [{ kind: 'varnish', name: 'edge', endpoints: [endpoint], mode: 'xkey', secret, ...more }],
    urlMap: { origins: [siteOrigin] },
  });
  try {
    await use({ plugin, port });
  } finally {
    await plugin.close();
  }
}

testNeeding(needs, 'N12 N56 varnish xkey: 0 stale, 0 needless, also what was cached as missing', async () => {
  await withKeys({ readBack: 'all', fetchBound: 5 }, async ({ plugin, port }) => {
    const { note, againAfterMs } = await assertExactPurge(plugin, { port, origin });
    assert.equal(againAfterMs, 5_000);
    assert.equal(note, '8 URLs purged in 1 calls: edge (holds 8 known objects)');
  });
});

testNeeding(
  needs,
  'N53 a key forgets every object that has it; a URL with a comma goes by itself',
  async () => {
    await withKeys({ keys: ['page:{path}'] }, async ({ plugin, port }) => {
      const urls = ['/a.html', '/a.html?print', '/list', '/b.html', '/c,d.html', '/c', '/d.html'];
      const pages = Object.fromEntries(urls.map((url) => [url, 'old']));
      for (const [url, key] of [
        ['/a.html', 'page:/a.html'],
        ['/a.html?print', 'print page:/a.html'],
        ['/list', 'page:/b.html page:/a.html other'],
        ['/b.html', 'page:/b.html'],
        ['/c,d.html', 'page:/c,d.html'],
        ['/c', 'page:/c'],
        ['/d.html', 'page:/d.html'],
      ] as const) {
        origin.serve(pages, { xkey: key });
        await ask(port, url);
      }
      origin.takeAsked();
      const files = { 'a.html': 'old', 'c,d.html': 'old' };
      const { note } = await plugin.invalidate(
        contentEvent({ from: files, to: { 'a.html': 'new', 'c,d.html': 'new' } }),
      );
      assert.match(note ?? '', /^2 URLs purged in 2 calls/);
      for (const url of urls) await ask(port, url);
      assert.deepEqual(origin.takeAsked(), ['/a.html', '/a.html?print', '/list', '/c,d.html']);
    });
  },
);

testNeeding(
  needs,
  'X7 thousands of keys: within the limit of a header, each forgotten, no other',
  async () => {
    await withKeys({}, async ({ plugin, port }) => {
      const changed = Array.from(
        { length: 600 },
        (_, index) => `d${index % 7}/a-page-of-the-site-${index}.html`,
      );
      const kept = ['kept.html', 'd1/a-page-of-the-site-.html', 'a-page'];
      const all = [...changed, ...kept].map((path) => `/${path}`);
      origin.serve(Object.fromEntries(all.map((url) => [url, 'x'])));
      for (const url of all) await ask(port, url);
      origin.takeAsked();
      const files = (text: string) => Object.fromEntries(changed.map((path) => [path, text]));
      const { note } = await plugin.invalidate(contentEvent({ from: files('old'), to: files('new') }));
      assert.match(note ?? '', /^600 URLs purged in [567] calls/);
      for (const url of all) await ask(port, url);
      assert.deepEqual(origin.takeAsked().sort(), changed.map((path) => `/${path}`).sort());
    });
  },
);

testNeeding(needs, 'N53 a soft purge by key serves the old object once more, within its grace', async () => {
  await withKeys({ soft: true, warm: { urls: ['/soft.html'] } }, async ({ plugin, port }) => {
    origin.serve({ '/soft.html': 'old' });
    await ask(port, '/soft.html');
    origin.serve({ '/soft.html': 'new' });
    const event = contentEvent({ from: { 'soft.html': '1' }, to: { 'soft.html': '2' } });
    await plugin.invalidate(event);
    assert.equal((await ask(port, '/soft.html')).body, 'old', 'within its grace');
    await plugin.warm(event);
    await until('the fresh object is there', async () => (await ask(port, '/soft.html')).body === 'new');
  });
});

testNeeding(needs, 'keys are purged by nobody without the secret', async () => {
  await withKeys({}, async ({ plugin, port }) => {
    origin.serve({ '/x.html': 'old' });
    await ask(port, '/x.html');
    origin.serve({ '/x.html': 'new' });
    for (const header of ['xkey-purge', 'xkey-softpurge'])
      assert.equal((await ask(port, '/', { [header]: '/x.html' }, 'PURGE')).status, 405);
    assert.equal((await ask(port, '/x.html')).body, 'old');
    await plugin.invalidate(contentEvent({ from: { 'x.html': '1' }, to: { 'x.html': '2' } }));
    assert.equal((await ask(port, '/x.html')).body, 'new');
  });
});
