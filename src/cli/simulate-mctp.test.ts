import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestCli } from './testing/run-cli.ts';

test('X16: `simulate mctp --json` ends with one line of figures, and progress goes to standard error', async (t) => {
  const cli = createTestCli(t);
  const run = await cli.run('simulate mctp --receivers 4 --seeds 6 --first-seed 40 --json'.split(' '));
  assert.equal(run.code, 0, run.stderr);
  const { scenario, receivers, seeds, first_seed, violations, failed, mutant, complete, wire_ratio } =
    run.json();
  assert.deepEqual(
    { scenario, receivers, seeds, first_seed, violations, failed, mutant },
    { scenario: 'mctp', receivers: 4, seeds: 6, first_seed: 40, violations: 0, failed: [], mutant: null },
  );
  assert.ok(typeof complete === 'number' && complete > 0);
  assert.ok(wire_ratio === null || typeof wire_ratio === 'number');
  assert.equal(run.stderr.match(/^seed 4\d: .*; wire \d.*; ok$/gm)?.length, 6);
});

test('MCTP-19: with --plain-mb the bytes on the wire are those of loss alone', async (t) => {
  const cli = createTestCli(t);
  const run = await cli.run('simulate mctp --receivers 4 --loss 5 --plain-mb 4 --seeds 1 --json'.split(' '));
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /weather: 5 % lost/);
  const { loss, wire_ratio, wire_ratio_by_arrived, complete } = run.json() as Record<string, number>;
  assert.equal(loss, 0.05);
  assert.equal(complete, 4);
  assert.ok((wire_ratio_by_arrived as number) <= 1.11 && (wire_ratio as number) > 1.05);
});

test('SIM-10: a planted mistake ends with exit code 1, names the seed and how to see it again', async (t) => {
  const cli = createTestCli(t);
  const names = await cli.run(['simulate', 'mctp', '--list-mutants', '--json']);
  assert.ok((names.json() as unknown as string[]).length >= 10);
  const run = await cli.run(
    'simulate mctp --receivers 5 --seeds 20 --mutate quorum-untold --json'.split(' '),
  );
  assert.equal(run.code, 1);
  const { failed } = run.json() as { failed: { seed: number; replay: string }[] };
  const [{ seed, replay } = { seed: 0, replay: '' }] = failed;
  assert.equal(
    replay,
    `treecast simulate mctp --receivers 5 --first-seed ${seed} --seeds 1 --trace --mutate quorum-untold`,
  );
  const again = await cli.run(replay.split(' ').slice(1));
  assert.equal(again.code, 1);
  assert.match(again.stderr, /!!! quorum: /);
});

test('`simulate mctp` refuses what makes no sense', async (t) => {
  const cli = createTestCli(t);
  for (const [line, said] of [
    ['--mutate nothing', /no mistake named nothing/],
    ['--trace', /for a single seed/],
    ['--receivers 0', /from 1 to/],
    ['--loss 51', /from 0 to 50/],
    ['--loss x', /percentage/],
  ] as const) {
    const run = await cli.run(['simulate', 'mctp', ...line.split(' ')]);
    assert.equal(run.code, 2, line);
    assert.match(run.stderr, said);
  }
});
