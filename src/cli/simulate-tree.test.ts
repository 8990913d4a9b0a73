import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestCli } from './testing/run-cli.ts';

test('R6 TREE-80: `simulate tree --json` ends with one line of figures, beside the bound that they are compared with', async (t) => {
  const cli = createTestCli(t);
  const run = await cli.run(
    'simulate tree --leaders 40 --members 5 --size 100MB --rate 100mbit --delay 20 --json'.split(' '),
  );
  assert.equal(run.code, 0, run.stderr);
  const {
    scenario,
    leaders,
    bytes,
    violations,
    seconds,
    limit_s,
    ratio,
    bound_s,
    ccm_egress_ratio,
    messages,
  } = run.json() as Record<string, number>;
  assert.deepEqual(
    { scenario, leaders, bytes, violations, limit_s, bound_s },
    { scenario: 'tree', leaders: 40, bytes: 100_000_000, violations: 0, limit_s: 8, bound_s: 26 },
  );
  assert.ok((seconds as number) > 8 && (seconds as number) <= 26, `${seconds} s`);
  assert.equal(ratio, Math.round(125 * (seconds as number)) / 1000);
  assert.ok((ccm_egress_ratio as number) >= 1 && (ccm_egress_ratio as number) <= 3);
  assert.ok((messages as number) <= 6);
});

test('TREE-83: with --seeds each seed is one of its own, with faults', async (t) => {
  const cli = createTestCli(t);
  const run = await cli.run('simulate tree --seeds 6 --first-seed 2001 --json'.split(' '));
  assert.equal(run.code, 0, run.stderr);
  const { seeds, first_seed, violations, failed, leaders } = run.json();
  assert.deepEqual(
    { seeds, first_seed, violations, failed, leaders },
    { seeds: 6, first_seed: 2001, violations: 0, failed: [], leaders: null },
  );
  assert.equal(run.stderr.match(/^seed 200\d: .*; ok$/gm)?.length, 6);
});

test('TREE-85: a planted mistake ends with exit code 1, names the seed and how to see it again', async (t) => {
  const cli = createTestCli(t);
  const names = await cli.run(['simulate', 'tree', '--list-mutants', '--json']);
  assert.ok((names.json() as unknown as string[]).length >= 12);
  const run = await cli.run('simulate tree --leaders 9 --seeds 20 --mutate chatty --json'.split(' '));
  assert.equal(run.code, 1);
  const { failed } = run.json() as { failed: { seed: number; replay: string }[] };
  const [{ seed, replay } = { seed: 0, replay: '' }] = failed;
  assert.equal(
    replay,
    `treecast simulate tree --leaders 9 --first-seed ${seed} --seeds 1 --trace --mutate chatty`,
  );
  const again = await cli.run(replay.split(' ').slice(1));
  assert.equal(again.code, 1);
  assert.match(again.stderr, /!!! messages: /);
});

test('`simulate tree` refuses what makes no sense', async (t) => {
  const cli = createTestCli(t);
  for (const [line, said] of [
    ['--seeds 1 --mutate nothing', /no mistake named nothing/],
    ['--trace', /for a single seed/],
    ['--leaders 0', /from 1 to/],
    ['--size 1', /not a size/],
    ['--size 11GB', /from 1B to 10GB/],
    ['--rate 5', /not a rate/],
    ['--delay x', /milliseconds/],
  ] as const) {
    const run = await cli.run(['simulate', 'tree', ...line.split(' ')]);
    assert.equal(run.code, 2, line);
    assert.match(run.stderr, said);
  }
});
