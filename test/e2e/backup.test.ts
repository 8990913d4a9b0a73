// `treecast ccm backup` while authors push, a restore from it in place and after a total loss, and a new admin token.

import assert from 'node:assert/strict';
import { chownSync, existsSync, statSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
const backup = () => `${fleet.ccm.directory}-backup`;
const makeBackup = () => fleet.treecast('ccm', 'backup', '--dir', fleet.ccm.directory, '--to', backup());

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  await fleet.join('web1');
  await fleet.agent('web1').start();
  await fleet.untilConnected('web1');
  await fleet.client().joinTokens.create({ segment: 'rack' });
  await fleet.client().nodes.update('web1', { segment: 'rack', leadFactor: 2 });
});
after(() => fleet.close());

async function pushed(content: string): Promise<void> {
  const { code, stderr } = await fleet.push('docs', content);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /live 1\/1/);
}

test('a backup is made while pushes go on, is there as a whole or not at all, and replaces nothing', async () => {
  await pushed('one');
  let ended = false;
  const pushes = (async () => {
    for (let n = 0; !ended || n < 2; n++) await pushed(`page ${n}`);
  })();
  const { code, stderr } = await makeBackup();
  ended = true;
  await pushes;
  assert.equal(code, 0, stderr);
  assert.equal(existsSync(`${backup()}.partial`), false);
  for (const name of ['ccm.db', 'keys/release-key.pem', 'ccm.yaml', 'repositories/docs.git/HEAD'])
    assert.ok(existsSync(join(backup(), name)), name);
  for (const name of ['ccm.db-wal', 'last-run.json', 'lock'])
    assert.equal(existsSync(join(backup(), name)), false);
  assert.equal(statSync(backup()).mode & 0o777, 0o700);
  assert.equal(statSync(join(backup(), 'ccm.db')).mode & 0o777, 0o600);
  const again = await makeBackup();
  assert.equal(again.code, 3);
  assert.match(again.stderr, /ALREADY_EXISTS/);
  const nowhere = await fleet.treecast('ccm', 'backup', '--dir', `${backup()}-no`, '--to', `${backup()}-x`);
  assert.match(nowhere.stderr, /NOT_FOUND/);
});

test('JOB-25 after a total loss the whole backup takes the place of the directory: servers keep what is newer, a push goes on', async () => {
  await pushed('newest');
  await fleet.ccm.end('SIGKILL');
  await rename(fleet.ccm.directory, `${fleet.ccm.directory}-lost`);
  await cp(backup(), fleet.ccm.directory, { recursive: true, preserveTimestamps: true });
  await fleet.ccm.start();
  assert.match(fleet.ccm.log(), /copied back from a backup/);
  await fleet.untilConnected('web1');
  await until('the CCM knows', async () => (await fleet.client().sites.status('docs')).lost !== undefined);
  assert.equal(await fleet.page('web1', 'docs'), 'newest');
  const [rack] = (await fleet.client().segments.list()).filter(({ name }) => name === 'rack');
  assert.deepEqual(
    rack?.members.map(({ node, placedBy, factor }) => [node, placedBy, factor]),
    [['web1', 'operator', 2]],
  );
  await pushed('after the loss');
  // The next start is one like any other.
  await fleet.ccm.end();
  await fleet.ccm.start();
  assert.doesNotMatch(fleet.ccm.log(), /copied back/);
  await fleet.untilConnected('web1');
  await pushed('and on');
});

test('JOB-27 the database of the backup in the place of the former one: the branch, which is newer, is taken up', async () => {
  await rm(backup(), { recursive: true });
  assert.equal((await makeBackup()).code, 0);
  await pushed('since the backup');
  await fleet.ccm.end();
  await cp(join(backup(), 'ccm.db'), join(fleet.ccm.directory, 'ccm.db'));
  await fleet.ccm.start();
  await fleet.untilConnected('web1');
  const tree = await fleet.author.tree();
  await until('the branch is taken up', async () => {
    const { lost, tree: live, job } = await fleet.client().sites.status('docs');
    return lost === undefined && live === tree && job?.phase === 'succeeded';
  });
  assert.equal(await fleet.page('web1', 'docs'), 'since the backup');
});

test('a new admin token is made in the state directory, while the CCM runs and while it does not', async () => {
  const make = (name: string) =>
    fleet.treecast('ccm', 'token', '--dir', fleet.ccm.directory, '--name', name, '--json');
  const running = await make('while-it-runs');
  assert.equal(running.code, 0, running.stderr);
  const secret = (text: string) => (JSON.parse(text) as { token: string }).token;
  const names = async (token: string) =>
    (await createClient({ api: fleet.api, token }).tokens.list()).map(({ name }) => name);
  assert.ok((await names(secret(running.stdout))).includes('while-it-runs'));
  assert.match((await make('while-it-runs')).stderr, /ALREADY_EXISTS/);
  await fleet.ccm.end();
  const stopped = await make('while-it-does-not');
  assert.equal(stopped.code, 0, stopped.stderr);
  await fleet.ccm.start();
  assert.ok((await names(secret(stopped.stdout))).includes('while-it-does-not'));
});

testNeeding(
  ['root'],
  'a state directory of another user is left alone, and the message names him',
  async () => {
    const path = join(backup(), 'ccm.db');
    chownSync(path, 12_345, 12_345);
    const { code, stderr } = await fleet.treecast('ccm', 'token', '--dir', backup());
    assert.equal(code, 3);
    assert.match(stderr, /FORBIDDEN/);
    assert.match(stderr, /sudo -u '#12345' treecast ccm token/);
  },
);
