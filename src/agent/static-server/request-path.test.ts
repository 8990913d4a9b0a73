import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRequestPath } from './request-path.ts';

const names = (target: string): unknown => {
  const path = parseRequestPath(target);
  return 'refused' in path ? path.refused : [...path.names, ...(path.slash ? ['/'] : [])];
};

test('paths are decoded name by name', () => {
  assert.deepEqual(names('/'), ['/']);
  assert.deepEqual(names('/?a=b'), ['/']);
  assert.deepEqual(names('/a/b.html?x'), ['a', 'b.html']);
  assert.deepEqual(names('/a/'), ['a', '/']);
  assert.deepEqual(names('/a%20b/%F0%9F%8C%B2/%0A%22%27%25'), ['a b', '🌲', '\n"\'%']);
  assert.deepEqual(names('/.well-known/acme'), ['.well-known', 'acme']);
});

test('bad encodings are 400; what is never served is 404', () => {
  for (const target of ['', 'a', '*', 'http://a/', '/%', '/%zz', '/%ff', '/a%2Fb', '/a%00', '/é', '/a b']) {
    assert.equal(names(target), 400, target);
  }
  for (const target of [
    '/..',
    '/a/../b',
    '/%2e%2e/a',
    '/.',
    '//',
    '//evil.example',
    '/a//b',
    '/.git/config',
  ]) {
    assert.equal(names(target), 404, target);
  }
  assert.equal(names('/a/.well-known/x'), 404);
  assert.equal(names('/.well-known/.hidden'), 404);
});

test('any name that can be in a tree and is served is reached by its encoded path', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((text) => !/[/\0]/.test(text) && !text.startsWith('.') && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (list) => {
      assert.deepEqual(names(`/${list.map(encodeURIComponent).join('/')}`), list);
    }),
  );
});
