import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readContents, writeContents } from './file-contents.ts';

test('what was read can be written back, also that a file was not there', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-contents-'));
  t.after(() => rm(directory, { recursive: true }));
  const [one, two] = [join(directory, 'a/b/one.conf'), join(directory, 'two.conf')];
  const nothing = await readContents([one, two], 'Look.');
  assert.deepEqual([...nothing.values()], [null, null]);
  const files = new Map([
    [one, 'one'],
    [two, 'two\n'],
  ]);
  await writeContents(files, 'Look.');
  assert.deepEqual(await readContents([one, two], 'Look.'), files);
  assert.equal((await stat(one)).mode & 0o777, 0o644);
  await writeContents(nothing, 'Look.');
  assert.deepEqual(await readContents([one, two], 'Look.'), nothing);
});

test('what cannot be read or written is named, with what to do', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-contents-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'one.conf');
  await mkdir(path);
  const told = (message: RegExp) => ({ name: 'PluginError', message, fix: 'Move it.' });
  await assert.rejects(readContents([path], 'Move it.'), told(/one\.conf cannot be read \(EISDIR\)$/));
  await assert.rejects(
    writeContents(new Map([[path, 'text']]), 'Move it.'),
    told(/one\.conf cannot be written \(E\w+\)$/),
  );
});
