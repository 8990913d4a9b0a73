// The import arrows of docs/ARCHITECTURE.md hold in the tree, and the checker that says so can fail.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkImports } from './check-imports.ts';
import { type ImportRules, importRules } from './import-rules.ts';
import { sourceFiles } from './source-files.ts';

test('every import of the repository follows the arrows', () => {
  const problems = checkImports(sourceFiles(), importRules);
  assert.equal(problems.length, 0, `\n${problems.join('\n')}\n`);
});

describe('the checker', () => {
  const rules: ImportRules = {
    folders: [
      { folder: 'src/model', mayImport: [], packages: [] },
      { folder: 'src/protocol', mayImport: ['src/model'], packages: [], pure: true },
      { folder: 'src/ccm', mayImport: ['src/model'] },
      { folder: 'plugins', mayImport: [], packages: ['treecast/plugin'] },
    ],
    allowances: [],
  };
  const check = (path: string, text: string, allowances: ImportRules['allowances'] = []): string[] =>
    checkImports([{ path, text }], { ...rules, allowances });

  const good: readonly [path: string, text: string][] = [
    ['src/ccm/a.ts', "import { b } from './b.ts';"],
    ['src/ccm/db/a.ts', "import type { Site } from '../../model/site.ts';"],
    ['src/ccm/a.ts', "import express from 'express';\nimport { open } from 'node:fs';"],
    ['src/ccm/a.ts', "// import { x } from '../agent/x.ts';"],
    ['plugins/nginx/index.ts', "import { definePlugin } from 'treecast/plugin';"],
    ['src/protocol/a.ts', '// Uses no Date and no Promise.\nexport const a = 1;'],
    ['src/protocol/a.test.ts', "import { test } from 'node:test';"],
  ];
  for (const [path, text] of good) {
    test(`accepts ${JSON.stringify(text)} in ${path}`, () => assert.deepEqual(check(path, text), []));
  }

  const bad: readonly [path: string, text: string, complaint: RegExp][] = [
    ['src/model/a.ts', "import { b } from '../ccm/b.ts';", /src\/model may import only its own files/],
    ['src/model/a.ts', "import { readFile } from 'node:fs';", /imports node:fs/],
    ['src/model/a.ts', "import type { z } from 'zod';", /imports zod/],
    ['src/ccm/a.ts', "import {\n  type B,\n  c,\n} from '../agent/b.ts';", /imports src\/agent\/b\.ts/],
    ['src/ccm/a.ts', "export * from '../agent/b.ts';", /imports src\/agent\/b\.ts/],
    ['src/ccm/a.ts', "import '../agent/b.ts';", /imports src\/agent\/b\.ts/],
    ['src/ccm/a.ts', "const b = await import('../agent/b.ts');", /imports src\/agent\/b\.ts/],
    ['src/ccm/a.ts', "new URL('../agent/b.ts', import.meta.url)", /imports src\/agent\/b\.ts/],
    [
      'plugins/nginx/index.ts',
      "import { x } from '../../src/model/site.ts';",
      /imports src\/model\/site\.ts/,
    ],
    ['plugins/nginx/index.ts', "import { x } from 'treecast';", /imports treecast/],
    ['src/other/a.ts', '', /no folder of import-rules\.ts holds it/],
    ['src/protocol/a.ts', 'export const at = (): number => Date.now();', /uses a clock; take `now`/],
    ['src/protocol/a.ts', 'export const p = Promise.resolve();', /uses promises/],
    ['src/protocol/a.ts', 'export const r = Math.random();', /uses randomness/],
    ['src/protocol/a.ts', 'setTimeout(f, 1);', /uses timers/],
    ['src/protocol/a.ts', "import { open } from 'node:fs';", /imports node:fs/],
  ];
  for (const [path, text, complaint] of bad) {
    test(`refuses ${JSON.stringify(text)} in ${path}`, () => {
      const problems = check(path, text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] as string, complaint);
    });
  }

  test('takes a named allowance, and fails on one that no file uses', () => {
    const allowances = [{ from: 'src/ccm/a.ts', to: 'src/agent/', because: 'a sample' }];
    assert.deepEqual(check('src/ccm/a.ts', "import { b } from '../agent/b.ts';", allowances), []);
    assert.match(check('src/ccm/a.ts', 'export {};', allowances)[0] ?? '', /stale allowance/);
  });
});
