// R9.4: a site's own search knows exactly the pages that are live, in Meilisearch and in OpenSearch.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contentEvent } from 'treecast/plugin/testing';
import { documentId } from './page-documents.ts';
import { type Meilisearch, startMeilisearch } from './testing/meilisearch.ts';
import { type Opensearch, startOpensearch } from './testing/opensearch.ts';
import { origin, type StartedSearchIndex, startSearchIndex } from './testing/reindex.ts';

const key = 'key-of-the-tests';
const page = (title: string, head = ''): string =>
  `<html lang=en><title>${title}</title>${head}<main><p>About ${title}.`;
const many = (count: number, text: string): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, number) => [`p/${number}.html`, page(String(number)) + text]),
  );

const first = contentEvent({
  from: {},
  to: { 'index.html': page('Home'), 'a/index.html': page('A'), 'b.html': page('B') },
});
const second = contentEvent({
  release: '1-0003',
  decidedAt: 1_800_000_000_000,
  from: { 'index.html': page('Home'), 'a/index.html': page('A'), 'b.html': page('B') },
  to: {
    'index.html': page('New home'),
    'b.html': page('B', '<meta name=robots content=noindex>'),
    'copy.html': page('Copy', '<link rel=canonical href=/>'),
    'self.html': page('Self', '<link rel=canonical href=https://www.example.org/self>'),
  },
});
const titles = (documents: Iterable<Readonly<Record<string, unknown>>>): string[] =>
  [...documents].map(({ title }) => String(title)).sort();

async function withMeilisearch(
  use: (service: Meilisearch, started: StartedSearchIndex) => Promise<void>,
  apiKey = key,
): Promise<void> {
  const service = await startMeilisearch(key);
  const started = await startSearchIndex((secret) => ({
    targets: [{ meilisearch: { url: service.url, index: 'docs', apiKey: secret(apiKey) } }],
  }));
  try {
    await use(service, started);
  } finally {
    await service.close();
    await started.close();
  }
}

async function withOpensearch(
  use: (service: Opensearch, started: StartedSearchIndex) => Promise<void>,
  index = 'docs',
): Promise<void> {
  const service = await startOpensearch('docs', `Basic ${Buffer.from(`writer:${key}`).toString('base64')}`);
  const started = await startSearchIndex((secret) => ({
    targets: [{ opensearch: { url: service.url, index, user: 'writer', password: secret(key) } }],
  }));
  try {
    await use(service, started);
  } finally {
    await service.close();
    await started.close();
  }
}

describe('Meilisearch', () => {
  test('holds the pages that are live and want to be found, and waits until it does', () =>
    withMeilisearch(async (service, started) => {
      const answer = await started.reindex(first);
      assert.equal(answer?.note, 'Meilisearch index docs: 3 documents written, 0 removed');
      const documents = service.indexes.get('docs') ?? new Map();
      assert.deepEqual(documents.get(documentId(`${origin}/a/`)), {
        id: documentId(`${origin}/a/`),
        site: 'docs',
        url: `${origin}/a/`,
        path: 'a/index.html',
        title: 'A',
        description: '',
        language: 'en',
        content: 'About A.',
        publishedAt: 1_700_000_000_000,
      });
      await started.reindex(second);
      assert.deepEqual(titles(documents.values()), ['New home', 'Self']);
    }));

  test('large publishes go in batches that one call can carry', () =>
    withMeilisearch(async (service, started) => {
      await started.reindex(contentEvent({ from: {}, to: many(1_200, 'x'.repeat(20_000)) }));
      assert.equal(service.indexes.get('docs')?.size, 1_200);
      const posts = service.requests.filter(({ method }) => method === 'POST');
      assert.ok(posts.length >= 3, `${posts.length} calls`);
    }));

  test('removing from an index that is not there is fine', () =>
    withMeilisearch(async (_, started) => {
      await started.reindex(contentEvent({ from: { 'a.html': 'x' }, to: {} }));
    }));

  test('a failed task is a failure, a wrong key and another service too', async () => {
    await withMeilisearch(async (service, started) => {
      service.failing.push({
        message: 'The primary key is other',
        code: 'index_primary_key_already_exists',
        type: 'invalid_request',
      });
      const refused = await started.failure(first);
      assert.match(refused.message, /task 0 failed: The primary key is other/);
      assert.equal(refused.retryable, false);
      service.failing.push({ message: 'No space left', code: 'internal', type: 'internal' });
      assert.equal((await started.failure(first)).retryable, true);
      service.first.push({ status: 200, body: '<html>' });
      assert.match((await started.failure(first)).message, /something that it never should: <html>/);
    });
    await withMeilisearch(async (_, started) => {
      const error = await started.failure(first);
      assert.match(error.message, /refused with 403.*The provided API key is invalid/);
      assert.equal(error.retryable, false);
    }, 'some-other-key');
  });

  test('a task that does not end stays owed', () =>
    withMeilisearch(async (service, started) => {
      const busy = { status: 200, body: { status: 'processing' } };
      service.first.push({ status: 202, body: { taskUid: 0 } }, ...Array.from({ length: 100 }, () => busy));
      const error = await started.failure(first, 400);
      assert.match(error.message, /did not finish task 0 in time/);
      assert.equal(error.retryable, true);
    }));
});

describe('OpenSearch', () => {
  test('holds the pages that are live and want to be found', () =>
    withOpensearch(async (service, started) => {
      await started.reindex(first);
      assert.deepEqual(titles(service.documents.values()), ['A', 'B', 'Home']);
      const answer = await started.reindex(second);
      assert.equal(answer?.note, 'OpenSearch index docs: 2 documents written, 3 removed');
      assert.deepEqual(titles(service.documents.values()), ['New home', 'Self']);
    }));

  test('stays below 10 MB a call', () =>
    withOpensearch(async (service, started) => {
      await started.reindex(contentEvent({ from: {}, to: many(1_500, 'x'.repeat(15_000)) }));
      assert.equal(service.documents.size, 1_500);
      for (const { body } of service.requests) assert.ok(Buffer.byteLength(body) <= 10_000_000);
    }));

  test('single documents that are refused for want of capacity are sent again, and only they', () =>
    withOpensearch(async (service, started) => {
      service.overload(2);
      await started.reindex(first);
      assert.equal(service.documents.size, 3);
      const sent = service.requests.map(({ body }) => body.match(/"_id"/g)?.length);
      assert.deepEqual(sent, [3, 2]);
      service.overload(1_000_000);
      const error = await started.failure(contentEvent({ from: {}, to: many(20, '') }), 900);
      assert.match(
        error.message,
        /OpenSearch refused 20 documents: https.*: 429 rejected_execution_exception.*and 15 more/,
      );
      assert.equal(error.retryable, true);
    }));

  test('a document that does not fit is told by its URL; the others are in', () =>
    withOpensearch(async (service, started) => {
      service.unfitTitles.add('A');
      const error = await started.failure(first);
      assert.equal(error.retryable, false);
      assert.match(
        error.message,
        /refused a document: https:\/\/docs\.example\.org\/a\/: 400 mapper_parsing_exception/,
      );
      assert.deepEqual(titles(service.documents.values()), ['B', 'Home']);
    }));

  test('a missing index and cut answers are told', async () => {
    await withOpensearch(async (_, started) => {
      const error = await started.failure(first);
      assert.match(error.message, /refused with 404.*no such index \[other\]/);
      assert.equal(error.retryable, false);
    }, 'other');
    await withOpensearch(async (service, started) => {
      service.first.push({ status: 200, body: { errors: false, items: [] } });
      assert.match((await started.failure(first)).message, /answered 0 items to 3 operations/);
    });
  });
});

test('no site map of URLs: told for good, with what to write', async () => {
  const started = await startSearchIndex(() => ({ urlMap: undefined, targets: [{ sitemap: {} }] }));
  const error = await started.failure(first);
  assert.match(error.fix ?? '', /urlMap: \{ origins/);
  assert.equal(error.retryable, false);
  await started.close();
});

test('when one target fails, only that one is asked again', async () => {
  const [meilisearch, opensearch] = [
    await startMeilisearch(key),
    await startOpensearch('docs', `ApiKey ${key}`),
  ];
  const started = await startSearchIndex((secret) => ({
    targets: [
      { meilisearch: { url: meilisearch.url, index: 'docs', apiKey: secret(key) } },
      { opensearch: { url: opensearch.url, index: 'docs', apiKey: secret(key) } },
    ],
  }));
  await opensearch.breakIt();
  const error = await started.failure(first);
  assert.match(error.message, /^OpenSearch index docs: POST http.*nothing listens there$/);
  assert.equal(error.retryable, true);
  const asked = meilisearch.requests.length;
  await opensearch.mend();
  assert.match((await started.reindex(first))?.note ?? '', /^OpenSearch index docs: 3 documents/);
  assert.equal(meilisearch.requests.length, asked);
  await started.reindex(first);
  assert.ok(meilisearch.requests.length > asked);
  await Promise.all([meilisearch.close(), opensearch.close()]);
  await started.close();
});
