// `ccm init` killed behind each of its durable effects: the same command, given again, makes a CCM whose token works.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { endProgram } from '../lab/run-program.ts';
import { initFailpoints } from '../lab/sweep/sweep-table.ts';

const launcher = join(import.meta.dirname, '../../bin/treecast');
let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'treecast-init-'));
});
after(() => rm(root, { recursive: true, force: true }));

function init(directory: string, env: NodeJS.ProcessEnv) {
  const context = { TREECAST_CONTEXT: join(root, 'context.json') };
  return endProgram(launcher, ['ccm', 'init', '--dir', directory, '--json'], {
    env: { ...process.env, ...context, ...env },
  });
}

describe('N26 init', { concurrency: 2 }, () => {
  test('passes the failpoints of the table and no others', async () => {
    const trace = join(root, 'trace');
    assert.equal((await init(join(root, 'traced'), { TREECAST_FAILPOINT_TRACE: trace })).code, 0);
    const passed = new Set((await readFile(trace, 'utf8')).split('\n').filter(Boolean));
    assert.deepEqual([...passed].sort(), [...initFailpoints, 'ccm.token.created'].sort());
  });

  for (const name of initFailpoints) {
    test(`killed at ${name} is made good by the next`, async () => {
      const directory = join(root, name);
      const killed = await init(directory, { TREECAST_FAILPOINT: name });
      assert.equal(killed.signal, 'SIGKILL');
      const { code, stdout, stderr } = await init(directory, {});
      assert.equal(code, 0, stderr);
      assert.match((JSON.parse(stdout) as { token: string }).token, /^tc_/);
      const names = await readdir(directory, { recursive: true });
      assert.deepEqual(
        names.filter((file) => file.endsWith('.tmp')),
        [],
      );
      const database = new DatabaseSync(join(directory, 'ccm.db'), { readOnly: true });
      assert.equal(database.prepare('select count(*) as n from tokens').get()?.['n'], 1);
      database.close();
    });
  }

  test('killed when its token was made but not shown says what to do', async () => {
    const directory = join(root, 'unshown');
    assert.equal((await init(directory, { TREECAST_FAILPOINT: 'ccm.token.created' })).signal, 'SIGKILL');
    const { code, stderr } = await init(directory, {});
    assert.notEqual(code, 0);
    assert.match(stderr, /remove this one if its `ccm init` was cut off/);
  });
});
