// The benchmark itself: one line of figures that are figures, and a wrong number is refused.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { runProgram } from '../../test/lab/run-program.ts';

const bench = join(import.meta.dirname, '../run.ts');

testNeeding(['varnishd', 'cc'], 'purge --json prints one line with all its figures', async () => {
  const options = ['purge', '--urls', '40', '--rounds', '3', '--json'];
  const stdout = await runProgram(process.execPath, [bench, ...options]);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 1, stdout);
  const figures = JSON.parse(lines[0] as string) as Record<string, unknown>;
  const names = 'bench cache urls rounds median_ms min_ms max_ms forgotten';
  assert.deepEqual(Object.keys(figures), names.split(' '));
  const [least, median, most] = ['min_ms', 'median_ms', 'max_ms'].map((name) => Number(figures[name]));
  assert.deepEqual(
    [figures['cache'], figures['urls'], figures['rounds'], figures['forgotten']],
    ['varnish', 40, 3, 120],
  );
  assert.ok(Number(least) > 0 && Number(least) <= Number(median) && Number(median) <= Number(most), stdout);
});

test('a number that is none is refused with what it may be', async () => {
  for (const wrong of [
    ['--urls', '0'],
    ['--urls', 'many'],
    ['--rounds', '1.5'],
  ])
    await assert.rejects(
      runProgram(process.execPath, [bench, 'purge', ...wrong]),
      /ended with 2: --urls is a number/,
    );
});
