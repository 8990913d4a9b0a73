// The bench itself: over a moment it prints its one line, with figures in it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../test/lab/run-program.ts';

test('agent-idle --json prints one line with all its figures', async () => {
  const options = ['agent-idle', '--minutes', '0.01', '--files', '20', '--settle-s', '0', '--json'];
  const stdout = await runProgram(process.execPath, [join(import.meta.dirname, '../run.ts'), ...options]);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 1, stdout);
  const figures = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.deepEqual(Object.keys(figures), ['bench', 'minutes', 'files', 'cpu_percent', 'rss_mb']);
  assert.ok(Number(figures['rss_mb']) > 0);
  assert.ok(Number(figures['cpu_percent']) >= 0);
});
