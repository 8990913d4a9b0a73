// Batches keep the order and the limits; URLs are taken apart as they stand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batches } from './batches.ts';
import { keysOf } from './keys-of.ts';
import { byHostAndPath, urlParts } from './url-parts.ts';

test('batches keep order and limits, and are no smaller than they must be', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50)),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 100 }),
      (sizes, entriesMax, bytesMax) => {
        const cut = batches(sizes, { entriesMax, bytesMax, bytes: (size) => size });
        const sum = (batch: readonly number[]): number => batch.reduce((total, size) => total + size, 0);
        assert.deepEqual(cut.flat(), sizes);
        for (const [index, batch] of cut.entries()) {
          assert.ok(batch.length > 0 && batch.length <= entriesMax);
          assert.ok(batch.length === 1 || sum(batch) <= bytesMax, 'one too large stands alone');
          const next = cut[index + 1]?.[0];
          if (next !== undefined) assert.ok(batch.length === entriesMax || sum(batch) + next > bytesMax);
        }
      },
    ),
  );
});

test('a URL is taken apart without being changed', () => {
  assert.deepEqual(urlParts('https://example.org:8443/a/../%2e?b=/c?d'), {
    scheme: 'https',
    host: 'example.org:8443',
    path: '/a/../%2e?b=/c?d',
  });
  assert.equal(urlParts('http://example.org').path, '/');
  const objects = byHostAndPath(['https://a/x', 'http://a/x', 'http://b/x']);
  assert.deepEqual(
    [...objects.values()].map(({ urls }) => urls),
    [['https://a/x', 'http://a/x'], ['http://b/x']],
  );
});

test('keys are made from templates, once each; what a cache cannot take as a key stays a URL', () => {
  const work = { urls: ['https://a/x', 'https://a/y,z'], site: 'docs' };
  assert.deepEqual(
    keysOf(work, ['{site}', '{host}{path}'], (key) => !key.includes(',')),
    {
      usable: [
        { key: 'docs', urls: ['https://a/x', 'https://a/y,z'] },
        { key: 'a/x', urls: ['https://a/x'] },
      ],
      unusable: ['https://a/y,z'],
    },
  );
});
