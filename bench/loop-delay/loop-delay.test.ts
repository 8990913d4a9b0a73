// The bench itself: on a small push it prints its one line, with figures in it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../test/lab/run-program.ts';

test('loop-delay --json prints one line with all its figures', async () => {
  const options = ['loop-delay', '--gib', '0.03', '--json'];
  const stdout = await runProgram(process.execPath, [join(import.meta.dirname, '../run.ts'), ...options]);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 1, stdout);
  const figures = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.deepEqual(Object.keys(figures), ['bench', 'gib', 'p99_ms', 'max_ms', 'healthz_p99_ms', 'rss_mb']);
  for (const name of ['p99_ms', 'max_ms', 'healthz_p99_ms', 'rss_mb'])
    assert.ok(Number(figures[name]) > 0, name);
});
