import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { closeSecretDirectory } from './secret-directory.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';

test('KEYS-14: what lies open in a directory of secrets is closed and named; what a crash left is removed', async (t) => {
  const directory = join(temporaryDirectory(t), 'keys');
  assert.deepEqual(await closeSecretDirectory(directory), []);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const [closed, open] = [join(directory, 'closed.pem'), join(directory, 'open.pem')];
  writeFileSync(closed, 'secret', { mode: 0o600 });
  writeFileSync(open, 'secret', { mode: 0o600 });
  writeFileSync(join(directory, 'open.pem.123.tmp'), 'secret', { mode: 0o600 });
  mkdirSync(join(directory, 'folder'), { mode: 0o755 });
  chmodSync(open, 0o640);
  chmodSync(directory, 0o755);
  assert.deepEqual(await closeSecretDirectory(directory), [directory, open]);
  assert.deepEqual(
    [directory, open, closed].map((path) => statSync(path).mode & 0o777),
    [0o700, 0o600, 0o600],
  );
  assert.deepEqual(readdirSync(directory).sort(), ['closed.pem', 'folder', 'open.pem']);
  assert.deepEqual(await closeSecretDirectory(directory), []);
  // In a closed directory nobody could reach it.
  chmodSync(open, 0o644);
  assert.deepEqual(await closeSecretDirectory(directory), []);
  assert.equal(statSync(open).mode & 0o777, 0o600);
});
