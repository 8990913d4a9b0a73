// The CCM's database is locked by somebody else, and its disk becomes full: what authors are told, what the servers do, and that the
// very same process goes on afterwards.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, type TestContext } from 'node:test';
import { mountTmpfs } from '../../src/agent/testing/small-disk.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { runProgram } from '../lab/run-program.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

const needs = ['root', 'mount', 'umount'];
const nodes = ['web1', 'web2'];
let fleet: SeparateFleet;
/** Undoes what was begun, also where not all of it succeeded. */
let close: () => unknown = () => undefined;

before(async () => {
  if (process.getuid?.() !== 0) return;
  fleet = await createSeparateFleet(async (directory) => {
    const remember = (undo: () => unknown) => {
      close = undo;
    };
    mountTmpfs({ after: remember }, { bytes: 48 * 1024 ** 2, inodes: 10_000 }, directory);
    return undefined;
  });
  const unmount = close;
  close = () => fleet.close(async () => unmount());
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  for (const name of nodes) {
    await fleet.join(name);
    await fleet.agent(name).start();
  }
  await fleet.untilConnected(...nodes);
});
after(async () => {
  await close();
});

/** Released at the test's end at the latest. */
function lockDatabase(t: TestContext): { release(): void } {
  const other = new DatabaseSync(join(fleet.ccm.directory, 'ccm.db'), { timeout: 10_000 });
  other.exec('begin immediate');
  // What was begun is rolled back with it.
  const release = () => {
    if (other.isOpen) other.close();
  };
  t.after(release);
  return { release };
}

const isReady = async () => (await fetch(`${fleet.api}/readyz`)).status === 200;
const branch = async () =>
  (
    await runProgram('git', ['-C', join(fleet.ccm.directory, 'repositories/docs.git'), 'rev-parse', 'main'])
  ).trim();
const filler = () => join(fleet.ccm.directory, 'filler');

/** Until not a byte is left, nor in the log of the database, which keeps its size. */
async function fillDisk(): Promise<void> {
  const other = new DatabaseSync(join(fleet.ccm.directory, 'ccm.db'), { timeout: 10_000 });
  other.exec('pragma wal_checkpoint(truncate)');
  other.close();
  for (let kilobytes = 64 * 1024; kilobytes >= 1; kilobytes = Math.floor(kilobytes / 2))
    await writeFile(filler(), Buffer.alloc(kilobytes * 1024), { flag: 'a' }).catch(() => undefined);
}

testNeeding(
  needs,
  'a push whose job cannot be written waits while another process holds the lock, and is published afterwards',
  async (t) => {
    assert.equal((await fleet.push('docs', 'one')).code, 0);
    const pid = fleet.ccm.pid;
    const lock = lockDatabase(t);
    const pushed = fleet.push('docs', 'two');
    await until('the CCM says that it waits', () => fleet.ccm.log().includes('DATABASE_UNAVAILABLE'), 30_000);
    assert.equal(await isReady(), false);
    await assert.rejects(fleet.client().sites.status('docs'), /another process holds its lock/);
    for (const node of nodes) assert.equal(await fleet.page(node, 'docs'), 'one');
    lock.release();
    const { code, stderr } = await pushed;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /live 2\/2/);
    await until('it is ready', isReady);
    assert.equal(fleet.ccm.pid, pid);
    assert.match(fleet.ccm.log(), /the database takes writes again/);
  },
);

testNeeding(needs, 'while the lock is held for long, pushes are refused before the ref moves', async (t) => {
  const lock = lockDatabase(t);
  await until('readyz says no', async () => !(await isReady()), 30_000);
  const before = await branch();
  const { code, stderr } = await fleet.push('docs', 'never');
  assert.equal(code, 1);
  assert.match(stderr, /DATABASE_UNAVAILABLE/);
  assert.match(stderr, /what to do: End what uses the file/);
  assert.equal(await branch(), before);
  const created = await fleet.treecast('site', 'add', 'news');
  assert.match(created.stderr, /DATABASE_UNAVAILABLE/);
  lock.release();
  await until('it is ready', isReady, 30_000);
  assert.match((await fleet.push('docs', 'three')).stderr, /live 2\/2/);
});

testNeeding(
  needs,
  'a full disk: nothing is published, servers serve on, the process goes on by itself once there is space',
  async () => {
    const pid = fleet.ccm.pid;
    await fillDisk();
    await until('readyz says no', async () => !(await isReady()), 30_000);
    const before = await branch();
    const { code, stderr } = await fleet.push('docs', 'full');
    assert.equal(code, 1);
    assert.match(stderr, /No space left on device|DATABASE_UNAVAILABLE/);
    assert.equal(await branch(), before);
    // Nodes come and go meanwhile.
    await fleet.agent('web2').end('SIGKILL');
    await fleet.agent('web2').start();
    for (const node of nodes) assert.equal(await fleet.page(node, 'docs'), 'three');
    await rm(filler());
    await until('it is ready', isReady, 30_000);
    await fleet.untilConnected(...nodes);
    assert.match((await fleet.push('docs', 'four')).stderr, /live 2\/2/);
    assert.equal(fleet.ccm.pid, pid);
  },
);

testNeeding(
  needs,
  'a start on a full disk ends with the reason, and succeeds once there is space',
  async () => {
    await fleet.ccm.end('SIGKILL');
    await fillDisk();
    const { code, stderr } = await fleet.startInVain();
    assert.equal(code, 1, stderr);
    assert.match(stderr, /DATABASE_UNAVAILABLE/);
    assert.match(stderr, /Free space/);
    await rm(filler());
    await fleet.ccm.start();
    await fleet.untilConnected(...nodes);
    assert.match((await fleet.push('docs', 'five')).stderr, /live 2\/2/);
  },
);
