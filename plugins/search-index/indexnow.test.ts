// N79: search engines hear of changed pages alone, within the protocol's limits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentEvent } from 'treecast/plugin/testing';
import { type Indexnow, type IndexnowOptions, startIndexnow } from './testing/indexnow.ts';
import { origin, type StartedSearchIndex, startSearchIndex } from './testing/reindex.ts';

const host = 'docs.example.org';
const key = 'aaaa-bbbb-cccc';

async function withIndexnow(
  use: (engine: Indexnow, started: StartedSearchIndex) => Promise<void>,
  over: Record<string, unknown> = {},
  options: Partial<IndexnowOptions> = {},
  config: Record<string, unknown> = {},
): Promise<void> {
  const engine = await startIndexnow({ host, key, ...options });
  const started = await startSearchIndex((secret) => ({
    targets: [{ indexnow: { endpoint: `${engine.url}/indexnow`, key: secret(key), ...over } }],
    ...config,
  }));
  try {
    await use(engine, started);
  } finally {
    await engine.close();
    await started.close();
  }
}

const small = contentEvent({
  from: { 'index.html': '1', 'same.html': '1', 'gone/index.html': '1', 'style.css': '1', '404.html': '1' },
  to: { 'index.html': '2', 'same.html': '1', 'new/page.html': '1', 'style.css': '2', '404.html': '2' },
});

test('changed, new and deleted pages, each once; no assets, nothing that stayed, no error pages', () =>
  withIndexnow(
    async (engine, started) => {
      const answer = await started.reindex(small);
      assert.deepEqual(engine.heard, [`${origin}/`, `${origin}/new/page.html`, `${origin}/gone/`]);
      assert.match(answer?.note ?? '', /^IndexNow at 127\.0\.0\.1:\d+: 3 URLs sent$/);
    },
    {},
    {},
    { urlMap: { origins: [origin], errorPages: ['404.html'] } },
  ));

test('nothing is sent when no page changed', () =>
  withIndexnow(async (engine, started) => {
    const answer = await started.reindex(contentEvent({ from: { 'a.css': '1' }, to: { 'a.css': '2' } }));
    assert.equal(answer?.note, 'no page changed');
    assert.equal(engine.requests.length, 0);
  }));

test('10,000 URLs a call at most', () =>
  withIndexnow(async (engine, started) => {
    const to = Object.fromEntries(Array.from({ length: 20_001 }, (_, page) => [`p/${page}.html`, 'x']));
    await started.reindex(contentEvent({ from: {}, to }));
    assert.equal(engine.requests.length, 3);
    assert.equal(new Set(engine.heard).size, 20_001);
    assert.equal(engine.heard.length, 20_001);
  }));

test('a wrong key and a wrong host are told for good', async () => {
  await withIndexnow(
    async (_, started) => {
      const error = await started.failure(small);
      assert.match(error.message, /refused with 403: .*Site Verification is not completed/);
      assert.match(error.fix ?? '', /Serve the key/);
      assert.equal(error.retryable, false);
      assert.doesNotMatch(error.message, /aaaa-bbbb/);
    },
    {},
    { key: 'another-key' },
  );
  await withIndexnow(
    async (_, started) => {
      const error = await started.failure(small);
      assert.match(error.message, /refused with 422/);
      assert.equal(error.retryable, false);
    },
    {},
    { host: 'www.example.org' },
  );
  await withIndexnow(
    async (engine, started) => {
      assert.match((await started.failure(small)).message, /the key lies at https:\/\/elsewhere/);
      assert.equal(engine.requests.length, 0);
    },
    { keyLocation: 'https://elsewhere.example.org/key.txt' },
  );
});

test('a key in a directory speaks for the URLs below it', () =>
  withIndexnow(
    async (engine, started) => {
      const answer = await started.reindex(small);
      assert.deepEqual(engine.heard, [`${origin}/new/page.html`]);
      assert.match(answer?.note ?? '', /1 URL sent, 3 not below the directory of the key/);
    },
    { keyLocation: `${origin}/new/key.txt` },
    { keyPath: '/new/key.txt' },
  ));

test('with a sitemap, only changed pages that it lists; deleted ones all the same', () => {
  const sitemap = `<urlset><url><loc>${origin}/</loc></url></urlset>`;
  const event = contentEvent({
    from: { 'index.html': '1', 'hidden.html': '1', 'gone.html': '1' },
    to: { 'index.html': '2', 'hidden.html': '2', 'sitemap.xml': sitemap },
  });
  return withIndexnow(
    async (engine, started) => {
      await started.reindex(event);
      assert.deepEqual(engine.heard, [`${origin}/`, `${origin}/gone.html`]);
      const without = contentEvent({ from: {}, to: { 'index.html': '1' } });
      assert.match((await started.failure(without)).message, /the sitemap sitemap\.xml is not in the tree/);
    },
    { sitemap: 'sitemap.xml' },
  );
});

test('429 and 503 are tried again; a long Retry-After stays owed', () =>
  withIndexnow(async (engine, started) => {
    engine.first.push({ status: 429, headers: { 'retry-after': '0' } }, { status: 503 });
    await started.reindex(small);
    assert.equal(engine.requests.length, 3);
    engine.first.push({ status: 429, headers: { 'retry-after': '86400' } });
    const error = await started.failure(small);
    assert.match(error.message, /answered 429/);
    assert.equal(error.retryable, true);
  }));
