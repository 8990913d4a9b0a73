import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';

test('the bench `simulate` reports seeds and one large segment', async () => {
  const reports: Record<string, unknown>[] = [];
  const code = await simulate.run({
    values: { members: '5', seeds: '2', 'first-seed': '1', large: '20' },
    say: () => undefined,
    report: (figures) => void reports.push(figures),
  });
  assert.equal(code, 0);
  assert.deepEqual(
    reports.map(({ members, seeds, violations, virtual_s }) => ({ members, seeds, violations, virtual_s })),
    [
      { members: 5, seeds: 2, violations: 0, virtual_s: 270 },
      { members: 20, seeds: 1, violations: 0, virtual_s: 135 },
    ],
  );
});
