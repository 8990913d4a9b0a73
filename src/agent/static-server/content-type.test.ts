import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import mimeTypes from 'mime-types';
import { contentTypeOf } from './content-type.ts';

test('the usual types that are told here are those of the large table, and the others come from it', () => {
  const source = readFileSync(join(import.meta.dirname, 'content-type.ts'), 'utf8');
  const told = [...source.matchAll(/^ {2}'(\.\w+)': '/gm)].map(([, extension]) => extension as string);
  assert.ok(told.length > 15);
  for (const extension of told)
    assert.equal(contentTypeOf(`a${extension}`), mimeTypes.contentType(extension));
  assert.equal(contentTypeOf('feed.ATOM'), 'application/atom+xml');
  assert.equal(contentTypeOf('no-extension'), 'application/octet-stream');
  assert.equal(contentTypeOf('a.unheard-of'), 'application/octet-stream');
});
