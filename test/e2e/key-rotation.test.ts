// Keys and certificates with real processes: rotations that nodes slept through, a compromised key, content keys, a removal.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { type Machine, type Machines, startMachines } from './support/separate-machines.ts';

let machines: Machines;
let stays: Machine;
let sleeps: Machine;

before(async () => {
  machines = await startMachines();
  stays = await machines.join('stays');
  sleeps = await machines.join('sleeps');
  await stays.start();
  await sleeps.start();
});
after(() => machines.close());

const identity = ({ directory }: Machine): { ca: string; certificate: string } =>
  JSON.parse(readFileSync(join(directory, 'identity', 'node.json'), 'utf8')) as never;

const rotate = async (...args: string[]) => {
  const { code, stderr } = await machines.treecast('key', 'rotate', ...args);
  assert.equal(code, 0, stderr);
};

async function nodesOfCurrentCa(): Promise<number | null | undefined> {
  const keys = await machines.client().keys.list();
  return keys.find(({ kind, state }) => kind === 'ca' && state === 'current')?.nodes;
}

const event = async (kind: string) =>
  (await machines.client().events.list({ after: 0, limit: 1_000 })).filter((found) => found.kind === kind);

test('N64 KEYS-9 to KEYS-11: nodes follow two rotations of CA and release key, also one that slept through both, and publishes go on', async () => {
  const first = await machines.push('before');
  await machines.untilLive('stays', first);
  await machines.untilLive('sleeps', first);
  await sleeps.end('SIGTERM');
  const before = { stays: identity(stays), sleeps: identity(sleeps) };
  for (const kind of ['release', 'ca', 'release', 'ca'] as const) {
    await machines.client().keys.rotate({ kind });
    await until('who stays is back', async () => (await machines.client().nodes.get('stays')).connected);
  }
  const second = await machines.push('between');
  await machines.untilLive('stays', second);
  await sleeps.start();
  await machines.untilLive('sleeps', second);
  await machines.assertVerified(second, ['sleeps', 'stays']);
  await until('both have certificates of the new CA', async () => (await nodesOfCurrentCa()) === 2);
  for (const [machine, { ca, certificate }] of [
    [stays, before.stays],
    [sleeps, before.sleeps],
  ] as const) {
    await until('it shows the new one', () => identity(machine).certificate !== certificate);
    assert.notEqual(identity(machine).ca, ca);
  }
  assert.equal((await event('key.rotated')).length, 4);
  await machines.assertVerified(await machines.push('after'), ['sleeps', 'stays']);
});

test('KEYS-10: a join token from before a new CA is refused and says so; a new one joins', async () => {
  const old = (await machines.client().joinTokens.create()).token;
  await rotate('ca');
  await assert.rejects(machines.join('late', old), /CA_FINGERPRINT_MISMATCH/);
  const late = await machines.join('late');
  await late.start();
  await until('it is connected', async () => (await machines.client().nodes.get('late')).connected);
  await late.end();
  await machines.client().nodes.remove('late');
});

test('KEYS-11: a compromised release key is believed by nobody any more, and nodes that slept still come back', async () => {
  await until('both are connected', async () =>
    (await machines.client().nodes.list()).every((node) => node.connected),
  );
  await sleeps.end();
  await rotate('release', '--compromised');
  const tree = await machines.push('after the theft');
  await sleeps.start();
  await machines.untilLive('sleeps', tree);
  await machines.untilLive('stays', tree);
  for (const machine of [stays, sleeps]) {
    await until('one key is believed', () => {
      const text = readFileSync(join(machine.directory, 'identity', 'sites.json'), 'utf8');
      return (JSON.parse(text) as { releaseKeys: string[] }).releaseKeys.length === 1;
    });
  }
});

test('KEYS-13: content keys are rotated by site; members can open what follows', async () => {
  const current = async () =>
    (await machines.client().keys.list()).find(
      ({ kind, state }) => kind === 'content' && state === 'current',
    );
  const before = await current();
  await rotate('content', '--site', 'docs');
  assert.notEqual((await current())?.id, before?.id);
  await machines.assertVerified(await machines.push('sealed anew'), ['sleeps', 'stays']);
  const { code } = await machines.treecast('key', 'rotate', 'release', '--site', 'docs');
  assert.notEqual(code, 0, '--site is for content keys');
});

test('KEYS-7: a removed node hears so, can do nothing, and its sites’ keys change; its name joins anew', async () => {
  const key = async () =>
    (await machines.client().keys.list()).find(({ kind, state }) => kind === 'content' && state === 'current')
      ?.id;
  const before = await key();
  const { code } = await machines.treecast('node', 'remove', 'sleeps');
  assert.equal(code, 0);
  await until('it was told', () => /NODE_REMOVED/.test(sleeps.log()));
  assert.notEqual(await key(), before);
  const tree = await machines.push('without it');
  await machines.assertVerified(tree, ['stays']);
  assert.ok(
    !readFileSync(join(sleeps.directory, 'identity', 'sites.json'), 'utf8').includes((await key()) ?? ''),
  );
  assert.equal((await event('node.removed')).at(-1)?.node, 'sleeps');
  await sleeps.end();
  const anew = await machines.join('sleeps');
  await anew.start();
  await machines.untilLive('sleeps', tree);
});
