// The bench itself: with few receivers and a small file it prints a line a case, and each receiver had the sender's bytes.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { runProgram } from '../../test/lab/run-program.ts';

testNeeding(['netns', 'nft'], 'mctp --json prints a line a case with all its figures', async () => {
  const options = ['--receivers', '2', '--mb', '3', '--loss', '0,5', '--json'];
  const stdout = await runProgram(process.execPath, [
    join(import.meta.dirname, '../run.ts'),
    'mctp',
    ...options,
  ]);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ bench, receivers, mb, loss, unicast }) => ({ bench, receivers, mb, loss, unicast })),
    [0, 5].map((loss) => ({ bench: 'mctp', receivers: 2, mb: 3, loss, unicast: 0 })),
  );
  for (const { seconds, wire_ratio, cpu_s, mac_share } of lines) {
    assert.ok(Number(seconds) > 0 && Number(cpu_s) > 0 && Number(mac_share) > 0, stdout);
    assert.ok(Number(wire_ratio) > 1 && Number(wire_ratio) < 2, stdout);
  }
});
