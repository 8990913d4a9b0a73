import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  contentEvent,
  jsonBody,
  secretFile,
  startPlugin,
  startStandIn,
  testPluginConformance,
} from 'treecast/plugin/testing';
import { edgePurge } from './plugin.ts';

const before = { 'index.html': 'one', 'old.html': 'old', 'same.css': 'same' };
const after = { 'index.html': 'two', 'same.css': 'same' };

/** Stands in for the CDN, and refuses what the real one refuses. */
async function createEdge() {
  const root = await mkdtemp(join(tmpdir(), 'edge-purge-'));
  const purged = new Set<string>();
  const service = await startStandIn((request) => {
    if (request.method !== 'POST' || request.path !== '/purge') return { status: 404 };
    if (request.headers.authorization !== 'Bearer s3cret-token') return { status: 401, body: 'no' };
    const { urls, everything } = jsonBody(request) ?? {};
    if (everything === true) purged.add('everything');
    else if (Array.isArray(urls) && urls.length <= 100) for (const url of urls) purged.add(String(url));
    else return { status: 400 };
    return { status: 200, body: { status: 'ok' } };
  });
  return {
    service,
    purged: () => [...purged].sort(),
    config: {
      endpoint: `${service.url}/purge`,
      token: secretFile(root, 's3cret-token'),
      urlMap: { origins: ['https://www.example.org'] },
    },
    async close() {
      await service.close();
      await rm(root, { recursive: true });
    },
  };
}

testPluginConformance(edgePurge, async () => {
  const edge = await createEdge();
  return {
    config: edge.config,
    wrong: [
      {
        config: { endpoint: 'nowhere', token: 'in plain text', color: 'red' },
        problems: [/endpoint/, /token.*write \{ file: \/path \}/, /color/],
      },
    ],
    events: (site) => ({ invalidate: contentEvent({ site, from: before, to: after }) }),
    observe: () => Promise.resolve(edge.purged()),
    failing: ['invalidate'],
    breakTarget: () => edge.service.breakIt(),
    stallTarget: () => Promise.resolve(edge.service.stallIt()),
    mendTarget: () => edge.service.mend(),
    close: edge.close,
  };
});

test('what changed is purged, and nothing else', async (t) => {
  const edge = await createEdge();
  t.after(edge.close);
  const plugin = await startPlugin(edgePurge, { config: edge.config });
  t.after(plugin.close);
  const { answer, error } = await plugin.run('invalidate', contentEvent({ from: before, to: after }));
  assert.equal(error, null);
  assert.equal(answer?.note, '3 URLs purged');
  const origin = 'https://www.example.org';
  assert.deepEqual(edge.purged(), [`${origin}/`, `${origin}/index.html`, `${origin}/old.html`]);
});

test('a busy CDN is asked again; a refusal says what to do', async (t) => {
  const edge = await createEdge();
  t.after(edge.close);
  const plugin = await startPlugin(edgePurge, { config: edge.config });
  t.after(plugin.close);
  const event = contentEvent({ from: before, to: after });
  edge.service.first.push({ status: 429, headers: { 'retry-after': '0' } });
  assert.equal((await plugin.run('invalidate', event)).error, null);
  assert.equal(edge.service.requests.length, 2);
  edge.service.first.push({ status: 403, body: 'quota used up' });
  const { error, retryable } = await plugin.run('invalidate', event);
  assert.equal(error?.message, 'edge-purge: the CDN refuses the purge with 403: quota used up');
  assert.equal(error.fix, 'Check `endpoint` and `token` in ccm.yaml.');
  assert.equal(retryable, false);
});
