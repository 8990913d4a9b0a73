// The mechanism of failpoints: who is killed, when, and by whose word; and the names in the source.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { endProgram } from '../lab/run-program.ts';
import { failpointsInSource, namePattern } from './failpoints-in-source.ts';

const module = new URL('../../src/faults/failpoint.ts', import.meta.url).href;

function pass(names: readonly string[], env: NodeJS.ProcessEnv) {
  const program = `
    const { failpoint } = await import(${JSON.stringify(module)});
    for (const name of ${JSON.stringify(names)}) { failpoint(name); process.stdout.write(name + ' '); }`;
  return endProgram(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
  });
}

test('a failpoint that the environment names kills its process, by SIGKILL, before anything else happens', async () => {
  const { code, signal, stdout } = await pass(['a.b', 'a.c', 'a.d'], { TREECAST_FAILPOINT: 'a.c' });
  assert.deepEqual({ code, signal, stdout }, { code: null, signal: 'SIGKILL', stdout: 'a.b ' });
});

test('a failpoint may be named for its n-th time, and the others for none', async () => {
  const armed = { TREECAST_FAILPOINT: 'a.b:3' };
  assert.equal((await pass(['a.b', 'a.c', 'a.b', 'a.d'], armed)).code, 0);
  const { signal, stdout } = await pass(['a.b', 'a.b', 'a.c', 'a.b'], armed);
  assert.deepEqual({ signal, stdout }, { signal: 'SIGKILL', stdout: 'a.b a.b a.c ' });
});

test('without the environment failpoints do nothing; a trace names what was passed, the last one too', async (t) => {
  assert.equal((await pass(['a.b'], { TREECAST_FAILPOINT: '' })).code, 0);
  const trace = join(temporaryDirectory(t), 'trace');
  await pass(['a.b', 'a.c'], { TREECAST_FAILPOINT: 'a.c', TREECAST_FAILPOINT_TRACE: trace });
  assert.equal(readFileSync(trace, 'utf8'), 'a.b\na.c\n');
});

test('every failpoint has a literal name of its own', () => {
  const calls = failpointsInSource();
  assert.ok(calls.length > 50, `only ${calls.length} failpoints were found`);
  const names = calls.map(
    ({ name, path }) => name ?? assert.fail(`${path}: a failpoint without a literal name`),
  );
  for (const name of names) assert.match(name, namePattern);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
    'a name is used twice',
  );
});
