// The repository keeps its own house rules, and each rule is shown to catch a bad sample and to spare a good one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkTidy } from './check-tidy.ts';
import { sourceFiles } from './source-files.ts';
import { tidyExceptions } from './tidy-exceptions.ts';
import { tidyRules } from './tidy-rules.ts';

test('the repository is tidy', () => {
  const files = sourceFiles().filter(({ path }) => path !== 'test/tidy/tidy.test.ts');
  const problems = checkTidy(files, tidyRules, tidyExceptions);
  assert.equal(problems.length, 0, `\n${problems.join('\n')}\n`);
});

interface Sample {
  readonly path: string;
  readonly bad: string;
  readonly good: string;
}

const header = '// Says what it decides.\n';
const samples: Readonly<Record<string, readonly Sample[]>> = {
  'long-file': [{ path: 'src/a.ts', bad: header + 'a;\n'.repeat(400), good: header + 'a;\n'.repeat(399) }],
  header: [
    { path: 'src/a.ts', bad: "import 'node:fs';", good: header },
    { path: 'src/a.ts', bad: '', good: '/** Says. */' },
  ],
  'name-that-says-nothing': [{ path: 'src/ccm/utils.ts', bad: header, good: '' }],
  unfinished: [
    { path: 'src/a.ts', bad: `${header}// TODO: later`, good: `${header}// todo list of an author` },
    { path: 'src/a.ts', bad: `${header}// FIXME`, good: header },
  ],
  'silenced-check': [
    {
      path: 'src/a.ts',
      bad: `${header}// @ts-ignore`,
      good: `${header}// @ts-expect-error: the caller is JavaScript`,
    },
    {
      path: 'src/a.ts',
      bad: `${header}// biome-ignore lint/x`,
      good: `${header}// biome-ignore lint/x: because`,
    },
  ],
  'left-out-test': [
    { path: 'src/a.test.ts', bad: `${header}test.skip('a', f);`, good: `${header}test('a', f);` },
    { path: 'src/a.test.ts', bad: `${header}test('a', { todo: true }, f);`, good: `${header}// todo: true` },
    { path: 'test/e2e/a.test.ts', bad: `${header}describe.only('a', f);`, good: header },
  ],
  sleep: [
    {
      path: 'src/a.test.ts',
      bad: `${header}await new Promise((resolve) => setTimeout(resolve, 100));`,
      good: `${header}const timer = setTimeout(() => controller.abort(), 1000);`,
    },
    {
      path: 'src/a.test.ts',
      bad: `${header}import { setTimeout } from 'node:timers/promises';`,
      good: header,
    },
    { path: 'test/lab/a.ts', bad: `${header}await sleep(50);`, good: header },
  ],
  mock: [{ path: 'src/a.test.ts', bad: `${header}t.mock.method(fs, 'open');`, good: header }],
  console: [{ path: 'src/ccm/a.ts', bad: `${header}console.log(1);`, good: `${header}log.info(1);` }],
  'legacy-module': [{ path: 'src/a.ts', bad: `${header}const a = require('a');`, good: header }],
  'builtin-without-prefix': [
    {
      path: 'src/a.ts',
      bad: `${header}import { a } from 'fs';`,
      good: `${header}import { a } from 'node:fs';`,
    },
  ],
  'weak-random': [{ path: 'src/a.ts', bad: `${header}Math.random();`, good: `${header}randomUUID();` }],
  shell: [
    {
      path: 'src/a.ts',
      bad: `${header}spawn('a', [], { shell: true });`,
      good: `${header}pattern.exec(text);`,
    },
  ],
  'place-of-one-machine': [
    { path: 'docs/a.md', bad: ['', 'work', 'main'].join('/'), good: 'a work/of art' },
    { path: 'src/a.ts', bad: `${header}'${['', 'home', 'me', 'x'].join('/')}'`, good: header },
  ],
  'effect-without-failpoint': [
    {
      path: 'src/ccm/a.ts',
      bad: `${header}await rename(a, b);`,
      good: `${header}await rename(a, b);\nfailpoint('ccm.a.renamed');`,
    },
    {
      path: 'src/ccm/a.ts',
      bad: `${header}database.transaction(() => {\n  add();\n});`,
      good: `${header}database.transaction(() => {\n  database.afterCommit(() => failpoint('ccm.a.added'));\n});`,
    },
  ],
  'space-at-end': [{ path: 'src/a.ts', bad: `${header}a; `, good: header }],
};

describe('each rule', () => {
  for (const rule of tidyRules) {
    test(`${rule.name} catches its bad samples and spares the good ones`, () => {
      const own = samples[rule.name] ?? [];
      assert.notEqual(own.length, 0, `${rule.name} has no sample in this test`);
      for (const { path, bad, good } of own) {
        assert.match(checkTidy([{ path, text: bad }], [rule], [])[0] ?? `accepted: ${bad}`, / [a-z-]+: /);
        if (rule.name === 'name-that-says-nothing') assert.equal(rule.applies('src/ccm/planner.ts'), false);
        else assert.deepEqual(checkTidy([{ path, text: good }], [rule], []), []);
      }
    });
  }

  test('an exception silences its file only, and fails when nothing needs it', () => {
    const exception = { rule: 'console', path: 'src/a.ts', because: 'a sample' };
    const text = `${header}console.log(1);`;
    assert.deepEqual(checkTidy([{ path: 'src/a.ts', text }], tidyRules, [exception]), []);
    assert.equal(checkTidy([{ path: 'src/b.ts', text }], tidyRules, [exception]).length, 2);
    assert.match(checkTidy([], tidyRules, [exception])[0] ?? '', /stale exception/);
  });
});
