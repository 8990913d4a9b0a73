import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startAgentChild } from './agent-child.ts';

test('an agent that ends is started again, also when its preparation failed before', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-child-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const ends: string[] = [];
  let preparations = 0;
  const seen = Promise.withResolvers<void>();
  // It has not joined, so it ends at once.
  const child = startAgentChild({
    directory: join(directory, 'no-agent'),
    logPath: join(directory, 'agent.log'),
    env: process.env,
    async beforeRestart() {
      preparations += 1;
      if (preparations <= 2) throw new Error(`no port ${preparations}`);
    },
    onExit(what) {
      ends.push(what);
      if (ends.length === 4) seen.resolve();
    },
  });
  await seen.promise;
  await child.stop(1000);
  assert.deepEqual(ends, [
    'exit code 3',
    'it could not be started: Error: no port 1',
    'it could not be started: Error: no port 2',
    'exit code 3',
  ]);
});

test('an agent whose log cannot be opened, as without a free descriptor, is started when it can', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-child-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const logPath = join(directory, 'agent.log');
  mkdirSync(logPath);
  const ends: string[] = [];
  const seen = Promise.withResolvers<void>();
  const child = startAgentChild({
    directory: join(directory, 'no-agent'),
    logPath,
    env: process.env,
    async beforeRestart() {
      if (ends.length === 2) rmdirSync(logPath);
    },
    onExit(what) {
      ends.push(what);
      if (ends.length === 3) seen.resolve();
    },
  });
  await seen.promise;
  await child.stop(1000);
  const [first, second, third] = ends;
  for (const what of [first, second]) assert.match(what as string, /^it could not be started: Error: EISDIR/);
  assert.equal(third, 'exit code 3');
});
