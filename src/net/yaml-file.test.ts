import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { TreecastError } from '../model/treecast-error.ts';
import { parseYaml, readYamlFile, type YamlProblem } from './yaml-file.ts';

const schema = z.strictObject({
  name: z.string(),
  serve: z.strictObject({ host: z.string(), port: z.int().min(0).max(65_535) }).optional(),
  level: z.enum(['info', 'warn']).default('info'),
  globs: z.array(z.strictObject({ glob: z.string() })).optional(),
  limits: z.partialRecord(z.enum(['attach', 'notify']), z.number()).optional(),
});

function problemsOf(text: string): readonly YamlProblem[] {
  try {
    parseYaml(text, schema, 'some.yaml');
  } catch (error) {
    assert.ok(error instanceof TreecastError && error.code === 'INVALID_CONFIGURATION');
    return (error.data as { problems: YamlProblem[] }).problems;
  }
  assert.fail('the text was accepted');
}

test('a correct file gives the parsed value with defaults', () => {
  assert.deepEqual(parseYaml('# a comment\nname: "a"\nserve: {host: "::", port: 0}\n', schema, 'some.yaml'), {
    name: 'a',
    serve: { host: '::', port: 0 },
    level: 'info',
  });
});

test('every problem is reported at once, in the order of the file, with line, column and fix', () => {
  const text = 'nmae: a\nserve:\n  host: 1\n  prot: 80\nlevel: loud\nglobs:\n  - glob: x\n  - glob: 7\n';
  assert.deepEqual(
    problemsOf(text).map(({ line, column, path, message }) => [line, column, path, message.split(':')[0]]),
    [
      [1, 1, 'name', 'is missing'],
      [1, 1, 'nmae', 'is not a known key'],
      [2, 1, 'serve.port', 'is missing'],
      [3, 3, 'serve.host', 'is not valid'],
      [4, 3, 'serve.prot', 'is not a known key'],
      [5, 1, 'level', 'is not valid'],
      [8, 5, 'globs[1].glob', 'is not valid'],
    ],
  );
  const fixes = new Map(problemsOf(text).map(({ path, fix }) => [path, fix]));
  assert.equal(fixes.get('nmae'), 'Did you mean `name`?');
  assert.equal(fixes.get('serve.prot'), 'Did you mean `port`?');
  assert.equal(fixes.get('level'), 'Use one of info, warn.');
  assert.equal(fixes.get('serve.port'), 'Add it as a number.');
});

test('a key unlike any known one is answered with the known ones', () => {
  assert.match(String(problemsOf('name: a\nbanana: 1\n')[0]?.fix), /known here: name, serve, level, globs/);
  const [problem] = problemsOf('name: a\nlimits: { notfy: 1 }\n');
  assert.deepEqual([problem?.path, problem?.fix], ['limits.notfy', 'Did you mean `notify`?']);
});

test('the message names the file and every line', () => {
  assert.throws(() => parseYaml('name: 1\nx: 1', schema, 'some.yaml'), {
    message:
      /^some\.yaml has 2 problems:\n {2}some\.yaml:1:1 name is not valid.*\n {2}some\.yaml:2:1 x is not/,
  });
});

test('text that is not YAML, doubled keys and non-objects are problems with a line', () => {
  assert.equal(problemsOf('name: a\nserve:\n\thost: x\n')[0]?.line, 3);
  assert.equal(problemsOf('name: a\nname: b\n')[0]?.line, 2);
  assert.equal(problemsOf('- a\n- b\n')[0]?.line, 1);
  assert.equal(problemsOf('')[0]?.path, 'name');
});

test('oversize files and alias bombs are refused', () => {
  assert.equal(problemsOf(`name: ${'a'.repeat(1_100_000)}`).length, 1);
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 8; i++)
    bomb.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  assert.throws(() => parseYaml(bomb.join('\n'), schema, 'some.yaml'), { code: 'INVALID_CONFIGURATION' });
});

test('a file is read from disk; a missing one is NOT_FOUND', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-yaml-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'a.yaml');
  writeFileSync(path, 'name: b\n');
  assert.equal((await readYamlFile(path, schema)).name, 'b');
  await assert.rejects(readYamlFile(join(directory, 'none.yaml'), schema), { code: 'NOT_FOUND' });
});
