import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../commands/command-list.ts';
import { publishedFiles, repositoryRoot } from './published-files.ts';

test('published files are what the code says (update: node src/cli/published/write-published-files.ts)', async () => {
  for (const { path, text } of await publishedFiles()) {
    assert.equal(await readFile(join(repositoryRoot, path), 'utf8'), text, path);
  }
});

test('docs/cli.md has a section for every command, and docs/configuration.md a table for every kind', async () => {
  const cli = await readFile(join(repositoryRoot, 'docs/cli.md'), 'utf8');
  for (const { name } of commands) assert.ok(cli.includes(`### \`treecast ${name}`), name);
  assert.match(cli, /\| 130 \|/);
  const configuration = await readFile(join(repositoryRoot, 'docs/configuration.md'), 'utf8');
  for (const key of ['agentListen', 'serve.listen', 'deleteShareMax'])
    assert.ok(configuration.includes(`| \`${key}\` |`), key);
});
