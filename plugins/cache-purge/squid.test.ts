// N12, X7 on a real Squid: exactly what changed is fetched anew; variants by their headers.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { contentEvent, testNeeding } from 'treecast/plugin/testing';
import { ask, siteOrigin } from './testing/ask.ts';
import { assertExactPurge } from './testing/publish-scenario.ts';
import { type Origin, startOrigin } from './testing/start-origin.ts';
import { startPlugin } from './testing/start-plugin.ts';
import type { RunningProgram } from './testing/start-program.ts';
import { startSquid } from './testing/start-squid.ts';

const needs = ['squid'];
const urlMap = { origins: [siteOrigin] };

let origin: Origin;
let squid: RunningProgram | undefined;

before(async () => {
  origin = await startOrigin();
});

after(async () => {
  await squid?.close();
  await origin.close();
});

async function running(): Promise<RunningProgram> {
  squid ??= await startSquid({ originPort: origin.port });
  return squid;
}

testNeeding(needs, 'N12 N56 squid: 0 stale, 0 needless, also what was cached as missing', async () => {
  const { port, endpoint } = await running();
  const plugin = await startPlugin({
    caches: [
      { kind: 'squid', name: 'accelerator', endpoints: [endpoint], fetchBound: 0, readBack: 'sample' },
    ],
    urlMap,
  });
  try {
    const { note, againAfterMs } = await assertExactPurge(plugin, { port, origin });
    assert.equal(note, '8 URLs purged in 8 calls: accelerator (8 held, holds 8 known objects)');
    assert.equal(againAfterMs, undefined, 'no fetch takes longer than 0 s');
  } finally {
    await plugin.close();
  }
});

testNeeding(needs, 'X7 squid: every variant that the URL map names is forgotten', async () => {
  const { port, endpoint } = await running();
  const languages = ['de', 'en'];
  const plugin = await startPlugin({
    caches: [{ kind: 'squid', name: 'accelerator', endpoints: [endpoint] }],
    urlMap: { ...urlMap, variants: [{ header: 'Accept-Language', values: languages }] },
  });
  try {
    origin.serve({ '/v.html': 'old {language}' });
    for (const language of languages) await ask(port, '/v.html', { 'accept-language': language });
    origin.serve({ '/v.html': 'new {language}' });
    for (const language of languages)
      assert.equal((await ask(port, '/v.html', { 'accept-language': language })).body, `old ${language}`);
    await plugin.invalidate(contentEvent({ from: { 'v.html': '1' }, to: { 'v.html': '2' } }));
    for (const language of languages)
      assert.equal((await ask(port, '/v.html', { 'accept-language': language })).body, `new ${language}`);
  } finally {
    await plugin.close();
  }
});

testNeeding(
  needs,
  'squid that lets nobody purge, and more URLs than may be named, are errors that say what to do',
  async () => {
    const { endpoint } = await running();
    const closed = await startSquid({ originPort: origin.port, purger: '192.0.2.1' });
    const event = contentEvent({
      from: { 'a.html': '1', 'b.html': '1' },
      to: { 'a.html': '2', 'b.html': '2' },
    });
    const denied = await startPlugin({
      caches: [{ kind: 'squid', name: 'accelerator', endpoints: [closed.endpoint] }],
      urlMap,
    });
    const small = await startPlugin({
      caches: [{ kind: 'squid', name: 'accelerator', endpoints: [endpoint] }],
      urlMap,
      urlsMax: 1,
    });
    try {
      await assert.rejects(denied.invalidate(event), {
        message: 'accelerator owes 2 of 2 URLs (answered 403)',
        fix: /ACL/,
        retryable: true,
      });
      await assert.rejects(small.invalidate(event), {
        message: /accelerator has no call that forgets a whole site/,
        fix: /urlsMax/,
        retryable: false,
      });
    } finally {
      await denied.close();
      await small.close();
      await closed.close();
    }
  },
);
