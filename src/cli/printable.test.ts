import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable } from './printable.ts';

test('escape sequences, line breaks and direction marks cannot reach the terminal', () => {
  assert.equal(printable('a\u001b[2Jb\nc\td\u202ee\u0085'), 'a\\u001b[2Jb\\nc\\td\\u202ee\\u0085');
  assert.equal(printable('Grüße 🌳 – ok'), 'Grüße 🌳 – ok');
});

test('whatever comes in, nothing that steers a terminal comes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});
