// Replacing a small file: what a process that died on the way has left goes with the next writing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeFileAtomic } from './atomic-file.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';

test('the temporary of a process that was killed goes when the file is written again, and nobody else’s', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'a.json');
  const dead = spawnSync(process.execPath, ['--version']).pid;
  // A living process's, another file's, and what only looks alike.
  const kept = [`a.json.${process.ppid}.tmp`, `b.json.${dead}.tmp`, `a.json.${dead}x.tmp`, `a.json.${dead}`];
  for (const name of [...kept, `a.json.${dead}.tmp`]) writeFileSync(join(directory, name), 'half');
  await writeFileAtomic(path, 'whole', 0o600);
  assert.deepEqual(readdirSync(directory).sort(), ['a.json', ...kept].sort());
  assert.equal(readFileSync(path, 'utf8'), 'whole');
  assert.equal(statSync(path).mode & 0o777, 0o600);
});
