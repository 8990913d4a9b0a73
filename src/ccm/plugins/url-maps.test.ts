// What nodes say of URLs, also nodes that say what they like.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUrlMaps } from './url-maps.ts';

const of = (origin: string, more: object = {}) => ({ origins: [origin], ...more });

test('origins of a site’s members are united, and the newest word has the rest', () => {
  const maps = createUrlMaps(() => true);
  assert.equal(maps.of('docs', ['web1', 'web2']), null);
  assert.ok(maps.report('web1', 'docs', of('https://b.example', { index: ['a.html'] })));
  assert.ok(maps.report('web2', 'docs', of('https://a.example', { index: ['b.html'] })));
  const both = maps.of('docs', ['web1', 'web2']);
  assert.deepEqual([both?.origins, both?.index], [['https://a.example', 'https://b.example'], ['b.html']]);
  assert.ok(maps.report('web1', 'docs', of('https://b.example', { index: ['c.html'] })));
  assert.deepEqual(maps.of('docs', ['web1', 'web2'])?.index, ['c.html']);
});

test('a node that is no member has no say, and sites that there are not are not kept', () => {
  const maps = createUrlMaps((site) => site === 'docs');
  maps.report('web1', 'docs', of('https://a.example'));
  maps.report('stranger', 'docs', of('https://evil.example', { index: [] }));
  const map = maps.of('docs', ['web1']);
  assert.deepEqual([map?.origins, map?.index], [['https://a.example'], ['index.html']]);
  assert.equal(maps.report('web1', 'invented', of('https://a.example')), false);
  assert.equal(maps.report('web1', 'docs', of('ftp://a.example/')), false);
});
