// How a fresh answer is told by a header that names the release.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentEvent } from 'treecast/plugin/testing';
import type { CacheConfig } from './config/cache-config.ts';
import type { Cache } from './purge-work.ts';
import { readBack } from './read-back.ts';

/** What is fresh when the cache answers with this header. */
async function isFresh(
  header: string | undefined,
  contains: string,
  releases: readonly string[] = ['1-0019'],
): Promise<boolean> {
  const config = { readBackCheck: { header: 'treecast-release', contains } } as CacheConfig;
  const answer = { header: (name: string) => (name === 'treecast-release' ? header : undefined) };
  const cache = { fetch: () => Promise.resolve(answer) } as unknown as Cache;
  const event = contentEvent({ from: {}, to: {}, release: '1-0019', releases });
  const facts = { event, purgedAtMs: 0, signal: new AbortController().signal };
  const { fresh } = await readBack({ cache, config, target: 'http://cache' }, ['http://site.test/'], facts);
  return fresh.length === 1;
}

test('N13: a release is fresh under its own name, under a former name of its tree, and when a newer one came meanwhile', async () => {
  assert.equal(await isFresh('1-0019', '{release}'), true);
  assert.equal(await isFresh('1-0017', '{release}', ['1-0019', '1-0017']), true);
  assert.equal(await isFresh('1-0023', '{release}'), true);
  assert.equal(await isFresh('2-0001', '{release}'), true);
  assert.equal(await isFresh('1-0018', '{release}'), false);
  assert.equal(await isFresh('1-0017', '{release}'), false);
  assert.equal(await isFresh('kept', '{release}'), false);
  assert.equal(await isFresh(undefined, '{release}'), false);
});

test('what stands around the release, and other facts, count as written', async () => {
  assert.equal(await isFresh('release=1-0019; node=a', 'release={release};'), true);
  assert.equal(await isFresh('1-0019', 'release={release}'), false);
  const { toTree } = contentEvent({ from: {}, to: {} });
  assert.equal(await isFresh(`tree ${toTree}`, '{tree}'), true);
  assert.equal(await isFresh('tree of another', '{tree}'), false);
});
