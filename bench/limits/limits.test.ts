// The bench itself: over a moment it prints a line for each case, with figures in it. How near they are is the machine's as well.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('limits --json prints a line for who keeps the limit, the sender, the hour and the fetcher', () => {
  const options = ['limits', '--mbit', '40', '--transfers', '2', '--seconds', '0.5', '--json'];
  const { stdout } = spawnSync(process.execPath, [join(import.meta.dirname, '../run.ts'), ...options], {
    encoding: 'utf8',
  });
  const lines = stdout.trimEnd().split('\n');
  const figures = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    figures.map(({ limit_of: who }) => who),
    ['sender', 'hour', 'fetcher'],
  );
  for (const each of figures) {
    const names = [
      'bench',
      'limit_of',
      'mbit',
      'transfers',
      'seconds',
      'arrived_mbit',
      'error_percent',
      'least_share',
    ];
    assert.deepEqual(Object.keys(each), names);
    assert.ok(Number(each['arrived_mbit']) > 0 && Number(each['arrived_mbit']) < 60);
  }
});
