// The test runner itself: what it counts, what it fails on, and what it says of tests that this machine cannot run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { repositoryRoot } from './repository-root.ts';

const needs = join(repositoryRoot, 'src/plugins/testing/test-needing.ts');
const ci = { CI: 'true' };
const passing = "import { test } from 'node:test';\ntest('one', () => {});\ntest('two', () => {});\n";
const failing = "import { test } from 'node:test';\ntest('bad', () => { throw new Error('boom'); });\n";
const option = 'skip';
const skipping = `import { test } from 'node:test';\ntest('one', () => {});\ntest('later', { ${option}: 'x' }, () => {});\n`;
const elsewhere = `import { testNeeding } from '${needs}';\ntestNeeding([], 'bad', () => { throw new Error('boom'); });\n`;
const needing = `import { testNeeding } from '${needs}';\ntestNeeding(['no-such-program-here'], 'with it', () => {});\n`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'treecast-runner-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(
  files: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): { status: number | null; output: string } {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { CI: _, NODE_TEST_CONTEXT: __, ...environment } = process.env;
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(repositoryRoot, 'test/run/tests.ts'), folder],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...environment, ...variables },
    },
  );
  return { status, output: stdout };
}

function closing(output: string): string[] {
  return output.trimEnd().split('\n').slice(-8, -1);
}

describe('the runner', () => {
  test('adds up the tests of all files and closes with the lines of node:test', () => {
    const { status, output } = run({ 'a.test.ts': passing, 'b.test.ts': passing });
    assert.equal(status, 0, output);
    assert.deepEqual(closing(output), [
      'ℹ tests 4',
      'ℹ suites 0',
      'ℹ pass 4',
      'ℹ fail 0',
      'ℹ cancelled 0',
      'ℹ skipped 0',
      'ℹ todo 0',
    ]);
  });

  test('fails on a failing test and shows its error', () => {
    const { status, output } = run({ 'a.test.ts': passing, 'b.test.ts': failing });
    assert.equal(status, 1);
    assert.match(output, /✖ b\.test\.ts: 1 tests[\s\S]*bad[\s\S]*Error: boom/);
    assert.match(output, /ℹ tests 3\n[\s\S]*ℹ pass 2\nℹ fail 1\n/);
  });

  test('counts a test registered by another module to the file that asked for it', () => {
    const { status, output } = run({ 'a.test.ts': elsewhere });
    assert.equal(status, 1);
    assert.match(output, /✖ a\.test\.ts: 1 tests[\s\S]*Error: boom[\s\S]*ℹ tests 1\n[\s\S]*ℹ fail 1\n/);
  });

  test('fails when no test was executed', () => {
    const { status, output } = run({});
    assert.equal(status, 1);
    assert.match(output, /no test was executed/);
  });

  for (const [what, text] of [
    ['holds no test', 'export {};\n'],
    ['does not start', "import './missing.ts';\n"],
    ['leaves in the middle of its tests', `${passing}test('three', () => process.exit(0));\n`],
    [
      'exits with a code after its tests passed',
      `${passing}process.on('exit', () => { process.exitCode = 3; });\n`,
    ],
  ] as const) {
    test(`counts a file that ${what} as a failure`, () => {
      const { status, output } = run({ 'a.test.ts': passing, 'b.test.ts': text });
      assert.equal(status, 1);
      assert.match(output, /✖ b\.test\.ts/);
      assert.match(output, /ℹ fail [1-9]\d*\n/);
    });
  }

  test('ends a file that hangs, and runs the others', () => {
    const text = `${passing}test('three', () => new Promise(() => setInterval(() => {}, 1000)));\n`;
    const { status, output } = run(
      { 'a.test.ts': text, 'b.test.ts': passing },
      { TEST_FILE_TIMEOUT_MS: '1500' },
    );
    assert.equal(status, 1);
    assert.match(output, /✖ a\.test\.ts: 0 tests.*\n +it hangs, and was ended in: three\n/);
    assert.match(output, /✔ b\.test\.ts: 2 tests/);
  });

  test('accepts a skipped test at a desk, and not with CI=true', () => {
    assert.equal(run({ 'a.test.ts': skipping }).status, 0);
    const { status, output } = run({ 'a.test.ts': skipping }, ci);
    assert.equal(status, 1);
    assert.match(output, /1 skipped or to do/);
  });

  test('lists a test whose program is missing, and fails on it with CI=true', () => {
    const files = { 'a.test.ts': passing, 'b.test.ts': needing };
    const { status, output } = run(files);
    assert.equal(status, 0, output);
    assert.match(output, /^not run: needs no-such-program-here \(with it\)$/m);
    assert.match(output, /ℹ tests 2\n/);
    const strict = run(files, ci);
    assert.equal(strict.status, 1);
    assert.match(strict.output, /this test needs no-such-program-here/);
  });

  test('does not call a run good in which every test was left out', () => {
    const { status, output } = run({ 'b.test.ts': needing });
    assert.equal(status, 1);
    assert.match(output, /no test was executed/);
  });
});
