import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskSecrets, Secret } from './secret.ts';

test('a secret that is part of another does not show the rest of it', () => {
  const short = new Secret('open-sesame');
  const long = new Secret('open-sesame-and-more');
  assert.equal(maskSecrets(`a ${long.reveal()} b ${short.reveal()} c`), 'a [secret] b [secret] c');
});

test('a secret is masked in its encoded spellings too; short words are left alone', () => {
  const secret = new Secret('p&ss wörd?');
  new Secret('abc');
  const base64 = Buffer.from(secret.reveal()).toString('base64');
  assert.equal(
    maskSecrets(`?t=${encodeURIComponent(secret.reveal())} ${base64} abc`),
    '?t=[secret] [secret] abc',
  );
});
