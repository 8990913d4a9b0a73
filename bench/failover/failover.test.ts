// The bench itself: with few members and one kill it prints its one line, and nobody was accepted beside another.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { runProgram } from '../../test/lab/run-program.ts';

testNeeding(
  ['netns', 'nft'],
  'failover --json prints one line with all its figures: one leader at a time, however it goes',
  async () => {
    const options = ['--members', '4', '--kills', '1', '--stop-s', '5', '--traffic-s', '1', '--json'];
    const stdout = await runProgram(process.execPath, [
      join(import.meta.dirname, '../run.ts'),
      'failover',
      ...options,
    ]);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 1, stdout);
    const { bench, members, kills, second_leaders, ...rest } = JSON.parse(lines[0] as string) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      { bench, members, kills, second_leaders },
      {
        bench: 'failover',
        members: 4,
        kills: 1,
        second_leaders: 0,
      },
    );
    const figures = ['median_s', 'max_s', 'cold_start_s', 'stopped_s', 'cut_s', 'member_bytes_per_s'];
    for (const figure of figures) assert.ok(Number(rest[figure]) > 0, `${figure}: ${stdout}`);
  },
);
