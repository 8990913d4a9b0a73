// Why a program cannot start over its state directory. A read-only disk, mounted so, is in test/e2e/read-only-state.test.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { testNeeding } from '../plugins/testing/test-needing.ts';
import { explainStateDirectory } from './state-directory-trouble.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';

testNeeding(
  ['root'],
  'somebody else’s state directory is told as that, with the user it belongs to as the way out',
  (t) => {
    const directory = join(temporaryDirectory(t), 'state');
    mkdirSync(directory);
    chmodSync(join(directory, '..'), 0o755);
    const module = new URL('./state-lock.ts', import.meta.url).href;
    const program = `
      const { lockStateDirectory } = await import(${JSON.stringify(module)});
      process.setgid(65534);
      process.setuid(65534);
      for (const directory of ${JSON.stringify([directory, join(directory, 'not', 'there')])}) {
        try {
          lockStateDirectory(directory, 'the test child');
        } catch ({ code, message, fix }) {
          console.log(JSON.stringify({ code, message, fix }));
        }
      }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    const told = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    assert.equal(told.length, 2, stdout);
    for (const { code, message, fix } of told) {
      assert.deepEqual(
        [code, message],
        ['INVALID_CONFIGURATION', `This user may not write ${directory} (EACCES).`],
      );
      assert.match(fix as string, /^Run it as the user whom /);
    }
  },
);

test('what is neither the disk’s fault nor a matter of rights stays as it is', (t) => {
  const directory = temporaryDirectory(t);
  for (const error of [
    new Error('a plugin’s own'),
    Object.assign(new Error('taken'), { code: 'EADDRINUSE' }),
    Object.assign(new Error('gone'), { code: 'ENOENT', path: join(directory, 'gone') }),
    'no error at all',
  ]) {
    assert.equal(explainStateDirectory(error, directory), error);
  }
});
