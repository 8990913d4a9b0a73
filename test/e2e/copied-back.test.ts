// ccm.db is copied back from an older backup under living servers (JOB-25 to JOB-29): they keep what they serve, the operator is told,
// and the next push reaches all of them.

import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
const nodes = ['web1', 'web2'];

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  for (const name of nodes) {
    await fleet.join(name);
    await fleet.agent(name).start();
  }
  await fleet.untilConnected(...nodes);
});
after(() => fleet.close());

const database = (name = 'ccm.db') => join(fleet.ccm.directory, name);

async function backUp(): Promise<void> {
  await fleet.ccm.end();
  await rm(database('backup'), { force: true });
  await cp(database(), database('backup'));
  await fleet.ccm.start();
  await fleet.untilConnected(...nodes);
}

async function copyBack(): Promise<void> {
  await fleet.ccm.end();
  await cp(database('backup'), database());
  await fleet.ccm.start();
}

async function push(content: string): Promise<string> {
  const { code, stderr } = await fleet.push('docs', content);
  assert.equal(code, 0, stderr);
  return stderr;
}

test('JOB-27 JOB-29 a database that is older than branch and servers: nothing changes on any server, and the history goes on', async () => {
  await push('one');
  await backUp();
  await push('two');
  await push('three');
  await copyBack();
  await fleet.untilConnected(...nodes);
  const tree = await fleet.author.tree();
  await until('the branch is adopted', async () => {
    const status = await fleet.client().sites.status('docs');
    return (
      status.lost === undefined && status.tree === tree && status.nodes.every(({ phase }) => phase === 'live')
    );
  });
  assert.deepEqual((await fleet.client().sites.status('docs')).release, { epoch: 2, sequence: 4 });
  for (const node of nodes) assert.equal(await fleet.page(node, 'docs'), 'three');
  assert.match(fleet.ccm.log(), /copied back from a backup/);
  assert.match(fleet.ccm.log(), /HISTORY_LOST/);
  assert.match(await push('four'), /live 2\/2/);
  const { code, stdout } = await fleet.treecast('verify', 'docs');
  assert.equal(code, 0, stdout);
});

test('JOB-25 what was rolled back since the backup stays rolled back; status says what to do, and a push goes on from there', async () => {
  await push('five');
  await backUp();
  await push('six');
  await push('seven');
  const rolledBack = await fleet.treecast('rollback', 'docs');
  assert.equal(rolledBack.code, 0, rolledBack.stderr);
  await fleet.untilServed('docs', 'six', nodes);
  await copyBack();
  await fleet.untilConnected(...nodes);
  await until('the CCM knows', async () => (await fleet.client().sites.status('docs')).lost !== undefined);
  const status = await fleet.treecast('status', 'docs');
  assert.match(status.stdout, /HISTORY_LOST/);
  assert.match(status.stdout, /what to do: what is served stays as it is; publish what is wanted/);
  const verified = await fleet.treecast('verify', 'docs');
  assert.equal(verified.code, 0, 'all serve what was decided last');
  const refused = await fleet.treecast('rollback', 'docs');
  assert.match(refused.stderr, /HISTORY_LOST/);
  // A start forgets nothing of it.
  await fleet.ccm.end('SIGKILL');
  await fleet.ccm.start();
  await fleet.untilConnected(...nodes);
  assert.ok((await fleet.client().sites.status('docs')).lost);
  for (const node of nodes) assert.equal(await fleet.page(node, 'docs'), 'six');
  assert.match(await push('eight'), /live 2\/2/);
  assert.equal((await fleet.client().sites.status('docs')).lost, undefined);
});

test('JOB-28 a site and a server that the backup does not know: both go on serving, and are told what to do', async () => {
  await backUp();
  await fleet.client().sites.create({ name: 'news' });
  await fleet.join('web3');
  await fleet.agent('web3').start();
  await fleet.untilConnected('web3');
  const { code, stderr } = await fleet.push('news', 'extra');
  assert.equal(code, 0, stderr);
  await copyBack();
  await fleet.untilConnected(...nodes);
  for (const node of [...nodes, 'web3']) assert.equal(await fleet.page(node, 'news'), 'extra');
  await until('web3 is turned away', () => /web3.*not registered|not registered.*web3/.test(fleet.ccm.log()));
  assert.match(fleet.ccm.log(), /older than its joining/);
  await fleet.client().sites.create({ name: 'news' });
  await until(
    'news is known to be lost',
    async () => (await fleet.client().sites.status('news')).lost !== undefined,
  );
  assert.match((await fleet.push('news', 'anew', ['--force'])).stderr, /live 2\/2/);
  for (const node of nodes) assert.equal(await fleet.page(node, 'news'), 'anew');
  // It keeps its directory, and joins again.
  await fleet.agent('web3').end();
  await fleet.join('web3');
  await fleet.agent('web3').start();
  await fleet.untilServed('news', 'anew', ['web3']);
});
