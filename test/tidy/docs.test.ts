// The documents tell the truth about what can be counted: error codes, commands that CI runs, links between pages.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../../src/model/error-codes.ts';
import { repositoryRoot } from '../run/repository-root.ts';
import { sourceFiles } from './source-files.ts';

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

test('docs/errors.md explains every error code and no other', () => {
  const sections = read('docs/errors.md').split(/^### /m).slice(1);
  const explained = sections.map((section) => section.slice(0, section.indexOf('\n')).trim());
  assert.deepEqual(explained.toSorted(), Object.keys(errorCodes).toSorted());
  for (const section of sections)
    assert.ok(section.split('\n').slice(1).join('').trim().length > 40, `no text under ${section}`);
});

test('every rule id of docs/spec stands for one rule, and what code and tests quote is a rule', () => {
  const ids = sourceFiles()
    .filter(({ path }) => path.startsWith('docs/spec/'))
    .flatMap(({ text }) => [...text.matchAll(/^(?:\| |- \*\*|\*\*)([A-Z]+-\d+)/gm)].map(([, id = '']) => id));
  assert.ok(ids.length > 150, `only ${ids.length} rules were found`);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
    'an id has two rules',
  );
  const prefixes = [...new Set(ids.map((id) => id.replace(/\d+/, '')))].join('|');
  const quoted = sourceFiles()
    .filter(({ path }) => path.endsWith('.ts') || path.endsWith('.md'))
    .flatMap(({ text }) =>
      [...text.matchAll(new RegExp(`\\b(?:${prefixes})\\d+\\b`, 'g'))].map(([id]) => id),
    );
  assert.deepEqual(
    [...new Set(quoted)].filter((id) => !ids.includes(id)),
    [],
    'quoted, but no rule',
  );
});

test('the README opens with the two commands, and CI runs its test command', () => {
  const readme = read('README.md');
  const [first] = readme.match(/```sh\n([\s\S]*?)```/) ?? [];
  assert.ok(first, 'the README has no sh block');
  assert.ok(readme.indexOf(first) < 2000, 'the first sh block of the README is not on its first screen');
  const commands = first.split('\n').map((line) => line.replace(/#.*/, '').trim());
  assert.ok(commands.includes('npm ci && npm start'));
  const testCommand = commands.find((command) => command.endsWith('npm test'));
  assert.equal(testCommand, 'npm ci && npm test');
  const ciLines = read('.ci/run').split('\n');
  const places = testCommand.split(' && ').map((step) => ciLines.indexOf(step));
  assert.ok(!places.includes(-1), `.ci/run does not run every step of "${testCommand}"`);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('every command and option in the shell blocks of the documents is in docs/cli.md', () => {
  const sections = read('docs/cli.md')
    .split(/^### `treecast /m)
    .slice(1);
  const known = new Map(
    sections.map((section) => [section.slice(0, section.indexOf('`')).replace(/ [A-Z[].*/, ''), section]),
  );
  assert.ok(known.size > 10);
  for (const { path, text } of documents()) {
    for (const [, block = ''] of text.matchAll(/```sh\n([\s\S]*?)```/g)) {
      for (const [line, words = ''] of block.matchAll(/^treecast ([^#\n]*)/gm)) {
        const [one = '', two = ''] = words.trim().split(' ');
        const section = known.get(`${one} ${two}`) ?? known.get(one);
        assert.ok(section, `${path} has "${line.trim()}", which docs/cli.md does not know`);
        for (const [option] of words.matchAll(/--[a-z][a-z-]*/g))
          assert.ok(
            `${section} --json --api --token --help`.includes(option),
            `${path}: "${line.trim()}" has no option ${option}`,
          );
      }
    }
  }
});

test('every npm script that the documents name exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const { path, text } of documents()) {
    for (const [, name] of text.matchAll(/\bnpm run ([a-z:]+)/g))
      assert.ok(name !== undefined && name in scripts, `${path} names npm run ${name}, which does not exist`);
  }
});

test('every relative link in the documents leads to a file', () => {
  for (const { path, text } of documents()) {
    for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const place = join(repositoryRoot, dirname(path), target ?? '');
      assert.ok(existsSync(place), `${path} links to ${target}, which does not exist`);
    }
  }
});

function documents(): { path: string; text: string }[] {
  return sourceFiles().filter(({ path }) => path.endsWith('.md'));
}
