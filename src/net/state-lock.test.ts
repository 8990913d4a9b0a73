import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TreecastError } from '../model/treecast-error.ts';
import { lockStateDirectory } from './state-lock.ts';

function stateDirectory(t: { after(run: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-lock-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const isLocked = (error: unknown): boolean =>
  error instanceof TreecastError && error.code === 'STATE_DIRECTORY_LOCKED';

test('a second owner in the same process is refused, and may follow after release', (t) => {
  const directory = stateDirectory(t);
  const lock = lockStateDirectory(directory, 'first');
  assert.throws(() => lockStateDirectory(directory, 'second'), isLocked);
  assert.throws(() => lockStateDirectory(directory, 'second'), isLocked);
  lock.release();
  lock.release();
  lockStateDirectory(directory, 'second').release();
});

test('an owner that cannot be noted, as on a full disk, is one all the same', (t) => {
  const directory = stateDirectory(t);
  mkdirSync(join(directory, 'lock-owner.json'));
  const lock = lockStateDirectory(directory, 'first');
  assert.throws(() => lockStateDirectory(directory, 'second'), isLocked);
  lock.release();
});

test('a missing directory is made', (t) => {
  const directory = join(stateDirectory(t), 'deep', 'er');
  const lock = lockStateDirectory(directory, 'first');
  assert.equal(lock.directory, directory);
  lock.release();
});

test('another process is refused with the name of the owner, and takes over when the owner was killed', async (t) => {
  const directory = stateDirectory(t);
  const module = new URL('./state-lock.ts', import.meta.url).href;
  const program = `
    const { lockStateDirectory } = await import(${JSON.stringify(module)});
    lockStateDirectory(${JSON.stringify(directory)}, 'the test child');
    console.log('locked');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(data.toString().trim(), 'locked');
  assert.throws(
    () => lockStateDirectory(directory, 'me'),
    (error: unknown) =>
      isLocked(error) &&
      (error as TreecastError).message.includes(`process ${child.pid} (the test child`) &&
      (error as TreecastError).fix !== undefined,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockStateDirectory(directory, 'me').release();
});
