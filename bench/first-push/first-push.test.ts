// The bench itself: on a small site it prints its one line, with figures in it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../test/lab/run-program.ts';

test('first-push --json prints one line with all its figures', async () => {
  const options = ['first-push', '--files', '150', '--nodes', '2', '--rounds', '1', '--no-peer', '--json'];
  const stdout = await runProgram(process.execPath, [join(import.meta.dirname, '../run.ts'), ...options]);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 1, stdout);
  const { first_s: seconds, ...rest } = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.ok(Number(seconds) > 0);
  assert.deepEqual(rest, {
    bench: 'first-push',
    files: 150,
    bytes: 1024,
    nodes: 2,
    delivery: 'direct',
    rounds: 1,
    peer_first_s: null,
    ratio: null,
  });
});
