import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestCli } from './testing/run-cli.ts';

test('X16: `simulate election --json` ends with one line of figures, and progress goes to standard error', async (t) => {
  const cli = createTestCli(t);
  const run = await cli.run([
    'simulate',
    'election',
    '--members',
    '5',
    '--seeds',
    '3',
    '--first-seed',
    '40',
    '--json',
  ]);
  assert.equal(run.code, 0, run.stderr);
  const { faults, seconds, elections, ...figures } = run.json();
  assert.deepEqual(figures, {
    scenario: 'election',
    members: 5,
    seeds: 3,
    first_seed: 40,
    violations: 0,
    failed: [],
    mutant: null,
    virtual_s: 405,
  });
  assert.ok(typeof seconds === 'number' && typeof elections === 'number');
  assert.ok((faults as { crash: number }).crash >= 3);
  assert.equal(run.stderr.match(/^seed 4[012]: 135 s; .*crash \d.*; ok$/gm)?.length, 3);
});

test('SIM-6: a planted mistake ends with exit code 1, names the seed and how to see it again', async (t) => {
  const cli = createTestCli(t);
  const names = await cli.run(['simulate', 'election', '--list-mutants', '--json']);
  assert.ok((names.json() as unknown as string[]).length >= 12);
  const run = await cli.run(
    'simulate election --members 5 --seeds 20 --mutate list-never-sent --json'.split(' '),
  );
  assert.equal(run.code, 1);
  const { violations, failed } = run.json() as {
    violations: number;
    failed: { seed: number; replay: string }[];
  };
  assert.equal(violations, 1);
  const [{ seed, replay } = { seed: 0, replay: '' }] = failed;
  assert.equal(
    replay,
    `treecast simulate election --members 5 --first-seed ${seed} --seeds 1 --trace --mutate list-never-sent`,
  );
  const again = await cli.run(replay.split(' ').slice(1));
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^weather: /);
  assert.match(again.stderr, /!!! {2}(?:registered|cold-start): /);
});

test('`simulate election` refuses what makes no sense', async (t) => {
  const cli = createTestCli(t);
  for (const [line, said] of [
    ['--mutate nothing', /no mistake named nothing/],
    ['--trace', /for a single seed/],
    ['--members 1', /from 2 to/],
    ['--seeds 2 --first-seed 9007199254740991', /too large/],
  ] as const) {
    const run = await cli.run(['simulate', 'election', ...line.split(' ')]);
    assert.equal(run.code, 2, line);
    assert.match(run.stderr, said);
  }
});
