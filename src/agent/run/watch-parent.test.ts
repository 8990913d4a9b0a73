import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { watchParent } from './watch-parent.ts';

test('a parent that closes its end is noticed once; what it sends is ignored', async () => {
  const input = new PassThrough();
  let calls = 0;
  const gone = new Promise<void>((resolve) => {
    watchParent(input, () => {
      calls += 1;
      resolve();
    });
  });
  const closed = once(input, 'close');
  input.write('anything');
  input.end();
  await gone;
  await closed;
  assert.equal(calls, 1);
});

test('a child process with nothing else to do lives until its standard input is closed', async (t) => {
  const module = new URL('./watch-parent.ts', import.meta.url).href;
  const program = `
    const { watchParent } = await import(${JSON.stringify(module)});
    watchParent(process.stdin, () => process.exit(7));
    process.stdout.write('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.equal(child.exitCode, null);
  child.stdin.end();
  const [code] = await once(child, 'exit');
  assert.equal(code, 7);
});
