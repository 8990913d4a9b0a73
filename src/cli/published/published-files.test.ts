// With WRITE_PUBLISHED=1 the first test writes the files before it compares them:
//   WRITE_PUBLISHED=1 node --test src/cli/published/published-files.test.ts

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../commands/command-list.ts';
import { publishedFiles, repositoryRoot } from './published-files.ts';

test('published files are what the code says (else run this test once with WRITE_PUBLISHED=1)', async () => {
  for (const { path, text } of await publishedFiles()) {
    const target = join(repositoryRoot, path);
    if (process.env['WRITE_PUBLISHED'] === '1') {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
    }
    assert.equal(await readFile(target, 'utf8'), text, path);
  }
});

test('docs/cli.md has a section for every command, and docs/configuration.md a table for every kind', async () => {
  const cli = await readFile(join(repositoryRoot, 'docs/cli.md'), 'utf8');
  for (const { name } of commands) assert.ok(cli.includes(`### \`treecast ${name}`), name);
  assert.match(cli, /\| 130 \|/);
  const configuration = await readFile(join(repositoryRoot, 'docs/configuration.md'), 'utf8');
  for (const key of ['agentListen', 'serve.listen', 'deleteShareMax']) {
    assert.ok(configuration.includes(`| \`${key}\` |`), key);
  }
});
