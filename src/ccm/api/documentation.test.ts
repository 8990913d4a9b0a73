import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Endpoint } from './endpoint.ts';
import { endpoints } from './endpoints.ts';

const documentation = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');

function row({ method, path, roles, summary, status = 200 }: Endpoint): string {
  const who = roles === 'open' ? 'everybody' : roles.join(', ');
  return `| \`${method} ${path}\` | ${who} | ${status} | ${summary} |`;
}

test('docs/api.md lists every endpoint with its roles, status and summary, and none that is not there', () => {
  const listed = documentation.split('\n').filter((line) => /^\| `[A-Z]+ \//.test(line));
  assert.deepEqual(listed, endpoints.map(row));
});

test('docs/api.md explains every field of every body and query', () => {
  for (const { method, path, body, query } of endpoints) {
    for (const schema of [body, query]) {
      if (!schema || !('shape' in schema)) continue;
      for (const field of Object.keys(schema.shape as object)) {
        assert.ok(documentation.includes(`\`${field}\``), `${method} ${path}: ${field}`);
      }
    }
  }
});
