// The bench itself: with two leaders and a small file it prints its one line, and one copy leaves the CCM.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { runProgram } from '../../test/lab/run-program.ts';

testNeeding(['netns', 'tc', 'git'], 'tree --json prints one line a case with all its figures', async () => {
  const options = ['tree', '--leaders', '2', '--mb', '2', '--rate', '100mbit', '--json'];
  const stdout = await runProgram(process.execPath, [join(import.meta.dirname, '../run.ts'), ...options]);
  const { seconds, ratio, ccm_egress_ratio, cpu_share, fleet_cpu_share, spread, staged_s, ...rest } =
    JSON.parse(stdout) as Record<string, unknown>;
  const known = { bench: 'tree', leaders: 2, mb: 2, rate: '100mbit', limit_s: 0.16 };
  assert.deepEqual(rest, { ...known, topology: 'tree', runs: 1 });
  for (const figure of [seconds, ratio, cpu_share, fleet_cpu_share, staged_s])
    assert.ok(Number(figure) > 0, stdout);
  assert.ok(Array.isArray(spread), stdout);
  assert.ok(Number(ccm_egress_ratio) > 1 && Number(ccm_egress_ratio) < 1.9, stdout);
});
