// The benchmark itself: on a small repository it prints its one line and nothing else that looks like one, and its figures are figures.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runProgram } from '../../test/lab/run-program.ts';
import { gitEnvironment } from './author.ts';
import { median, percentile } from './figures.ts';

const bench = join(import.meta.dirname, '../run.ts');

test('push-to-live --json --segment prints a line with all its figures for each way of delivery', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-bench-test-'));
  try {
    const git = (...parameters: string[]): Promise<string> =>
      runProgram('git', parameters, { cwd: directory, env: gitEnvironment });
    await git('init', '--quiet');
    for (const name of ['index.html', 'site.css', 'a page.html'])
      await writeFile(join(directory, name), `<p>${name}</p>\n`);
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'A site');
    const options = ['push-to-live', '--nodes', '2', '--repository', directory, '--segment', '--json'];
    const stdout = await runProgram(process.execPath, [bench, ...options]);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2, stdout);
    const names =
      'bench nodes delivery first_s edit_median_s edit_min_s edit_max_s edit_p95_s staged_p50_ms peer_first_s peer_edit_median_s ratio first_ratio';
    for (const [index, line] of lines.entries()) {
      const figures = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual(Object.keys(figures), names.split(' '));
      assert.equal(figures['nodes'], 2);
      assert.equal(figures['delivery'], ['direct', 'leader'][index]);
      for (const name of ['first_s', 'edit_median_s', 'edit_p95_s', 'staged_p50_ms'])
        assert.ok(Number(figures[name]) > 0, name);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an unknown benchmark or option is refused with the usage', async () => {
  await assert.rejects(
    runProgram(process.execPath, [bench, 'nothing']),
    /ended with 2: usage: npm run bench/,
  );
  await assert.rejects(runProgram(process.execPath, [bench, 'push-to-live', '--wrong']), /ended with 2/);
  await assert.rejects(runProgram(process.execPath, [bench, 'push-to-live']), /--repository PATH/);
});

describe('figures', () => {
  test('the median of an even and an odd series', () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([9, 1, 5]), 5);
  });
  test('a percentile is one of the values', () => {
    const values = Array.from({ length: 20 }, (_, index) => 20 - index);
    assert.equal(percentile(values, 0.95), 19);
    assert.equal(percentile([7], 0.95), 7);
  });
});
