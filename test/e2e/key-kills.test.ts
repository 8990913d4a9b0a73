// SIGKILL in the middle of a rotation and of a renewal, with real processes: everybody comes back, and publishes go on.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import type { Machine } from './support/machine.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
let agent: Machine;

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  agent = await fleet.join('web1');
  await agent.start();
});
after(() => fleet.close());

async function nodesOfCurrentCa(): Promise<number | null | undefined> {
  const keys = await fleet.client().keys.list();
  return keys.find(({ kind, state }) => kind === 'ca' && state === 'current')?.nodes;
}

test('KEYS-9: a CCM that is killed in a rotation comes back with the former or the next keys, and its node too', async () => {
  const points = ['ccm.keys.authority-key-named', 'ccm.keys.release-key-named'];
  for (const point of points) {
    await fleet.ccm.end();
    await fleet.ccm.start({ TREECAST_FAILPOINT: point });
    await fleet.treecast('key', 'rotate', point.includes('release') ? 'release' : 'ca');
    await fleet.ccm.ended();
    await fleet.ccm.start();
    const tree = await fleet.pushed('docs', `after ${point}`);
    await fleet.untilLive('web1', tree);
  }
});

test('KEYS-4: an agent that is killed while it renews comes back, whatever it had done', async () => {
  const points = ['agent.join.key-written', 'agent.join.identity-written'];
  for (const point of points) {
    await agent.end();
    assert.equal((await fleet.treecast('key', 'rotate', 'ca')).code, 0);
    await agent.start({ TREECAST_FAILPOINT: point });
    await agent.ended();
    const before = await fleet.pushed('docs', `while it is away, ${point}`);
    await agent.start();
    await fleet.untilLive('web1', before);
  }
  await until('it has a certificate of the new CA', async () => (await nodesOfCurrentCa()) === 1);
  const files = () => readdirSync(join(agent.directory, 'identity')).sort().join(' ');
  await until('nothing half-done lies there', () => files() === 'key.pem node.json sites.json');
});

test('KEYS-8 N26: a CCM that is killed when it adopts a certificate later than its database goes on', async () => {
  const database = join(fleet.ccm.directory, 'ccm.db');
  await fleet.ccm.end();
  await cp(database, `${database}.kept`);
  await fleet.ccm.start();
  assert.equal((await fleet.treecast('key', 'rotate', 'ca')).code, 0);
  await until('it has a certificate of the new CA', async () => (await nodesOfCurrentCa()) === 1);
  await fleet.ccm.end();
  await cp(`${database}.kept`, database);
  await fleet.ccm.start({ TREECAST_FAILPOINT: 'ccm.certificate.adopted' }).catch(() => undefined);
  await fleet.ccm.ended();
  await fleet.ccm.start();
  await fleet.untilLive('web1', await fleet.pushed('docs', 'after the adoption'));
});

test('KEYS-13 N26: a CCM that is killed when it forgets a content key goes on', async () => {
  const keys = async () => (await fleet.client().keys.list()).filter(({ kind }) => kind === 'content');
  assert.equal((await fleet.treecast('key', 'rotate', 'content')).code, 0);
  assert.ok((await keys()).length > 1);
  for (const page of ['with the new key', 'once more', 'and again']) await fleet.pushed('docs', page);
  await fleet.ccm.end();
  await fleet.ccm.start({ TREECAST_FAILPOINT: 'ccm.content-key.forgotten' }).catch(() => undefined);
  await fleet.ccm.ended();
  await fleet.ccm.start();
  await fleet.untilLive('web1', await fleet.pushed('docs', 'after it was forgotten'));
  await until('the new key is alone', async () => (await keys()).length === 1);
});
