// Keys and certificates with real processes: rotations that nodes slept through, a compromised key, content keys, a removal.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import type { Machine } from './support/machine.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
let stays: Machine;
let sleeps: Machine;

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
  stays = await fleet.join('stays');
  sleeps = await fleet.join('sleeps');
  await stays.start();
  await sleeps.start();
});
after(() => fleet.close());

const identity = ({ directory }: Machine): { ca: string; certificate: string } =>
  JSON.parse(readFileSync(join(directory, 'identity', 'node.json'), 'utf8')) as never;

const rotate = async (...args: string[]) => {
  const { code, stderr } = await fleet.treecast('key', 'rotate', ...args);
  assert.equal(code, 0, stderr);
};

async function nodesOfCurrentCa(): Promise<number | null | undefined> {
  const keys = await fleet.client().keys.list();
  return keys.find(({ kind, state }) => kind === 'ca' && state === 'current')?.nodes;
}

const event = async (kind: string) =>
  (await fleet.client().events.list({ after: 0, limit: 1_000 })).filter((found) => found.kind === kind);

test('N64 KEYS-9 to KEYS-11: nodes follow two rotations of CA and release key, also one that slept through both, and publishes go on', async () => {
  const first = await fleet.pushed('docs', 'before');
  await fleet.untilLive('stays', first);
  await fleet.untilLive('sleeps', first);
  await sleeps.end('SIGTERM');
  const before = { stays: identity(stays), sleeps: identity(sleeps) };
  for (const kind of ['release', 'ca', 'release', 'ca'] as const) {
    await fleet.client().keys.rotate({ kind });
    await until('who stays is back', async () => (await fleet.client().nodes.get('stays')).connected);
  }
  const second = await fleet.pushed('docs', 'between');
  await fleet.untilLive('stays', second);
  await sleeps.start();
  await fleet.untilLive('sleeps', second);
  await fleet.assertVerified(second, ['sleeps', 'stays']);
  await until('both have certificates of the new CA', async () => (await nodesOfCurrentCa()) === 2);
  for (const [machine, { ca, certificate }] of [
    [stays, before.stays],
    [sleeps, before.sleeps],
  ] as const) {
    await until('it shows the new one', () => identity(machine).certificate !== certificate);
    assert.notEqual(identity(machine).ca, ca);
  }
  assert.equal((await event('key.rotated')).length, 4);
  const third = await fleet.pushed('docs', 'after');
  // A node that was just coming back with its new certificate follows by itself.
  for (const node of ['sleeps', 'stays']) await fleet.untilLive(node, third);
  await fleet.assertVerified(third, ['sleeps', 'stays']);
});

test('KEYS-10: a join token from before a new CA is refused and says so; a new one joins', async () => {
  const old = (await fleet.client().joinTokens.create()).token;
  await rotate('ca');
  await assert.rejects(fleet.join('late', old), /CA_FINGERPRINT_MISMATCH/);
  const late = await fleet.join('late');
  await late.start();
  await until('it is connected', async () => (await fleet.client().nodes.get('late')).connected);
  await late.end();
  await fleet.client().nodes.remove('late');
});

test('KEYS-11: a compromised release key is believed by nobody any more, and nodes that slept still come back', async () => {
  await until('both are connected', async () =>
    (await fleet.client().nodes.list()).every((node) => node.connected),
  );
  await sleeps.end();
  const signature = () => {
    const journal = readFileSync(join(stays.directory, 'sites', 'docs', 'state.json'), 'utf8');
    return (JSON.parse(journal) as { lastDecision: { signature: string } }).lastDecision.signature;
  };
  const before = signature();
  await rotate('release', '--compromised');
  await until('STG-41 the node has its decision as it was signed anew', () => signature() !== before);
  const tree = await fleet.pushed('docs', 'after the theft');
  await sleeps.start();
  await fleet.untilLive('sleeps', tree);
  await fleet.untilLive('stays', tree);
  for (const machine of [stays, sleeps]) {
    await until('one key is believed', () => {
      const text = readFileSync(join(machine.directory, 'identity', 'sites.json'), 'utf8');
      return (JSON.parse(text) as { releaseKeys: string[] }).releaseKeys.length === 1;
    });
  }
});

test('KEYS-13: content keys are rotated by site; members can open what follows', async () => {
  const current = async () =>
    (await fleet.client().keys.list()).find(({ kind, state }) => kind === 'content' && state === 'current');
  const before = await current();
  await rotate('content', '--site', 'docs');
  assert.notEqual((await current())?.id, before?.id);
  await fleet.assertVerified(await fleet.pushed('docs', 'sealed anew'), ['sleeps', 'stays']);
  const { code } = await fleet.treecast('key', 'rotate', 'release', '--site', 'docs');
  assert.notEqual(code, 0, '--site is for content keys');
});

test('KEYS-7: a removed node hears so, can do nothing, and its sites’ keys change; its name joins anew', async () => {
  const key = async () =>
    (await fleet.client().keys.list()).find(({ kind, state }) => kind === 'content' && state === 'current')
      ?.id;
  const before = await key();
  const { code } = await fleet.treecast('node', 'remove', 'sleeps');
  assert.equal(code, 0);
  await until('it was told', () => /NODE_REMOVED/.test(sleeps.log()));
  assert.notEqual(await key(), before);
  const tree = await fleet.pushed('docs', 'without it');
  await fleet.assertVerified(tree, ['stays']);
  assert.ok(
    !readFileSync(join(sleeps.directory, 'identity', 'sites.json'), 'utf8').includes((await key()) ?? ''),
  );
  assert.equal((await event('node.removed')).at(-1)?.node, 'sleeps');
  await sleeps.end();
  const anew = await fleet.join('sleeps');
  await anew.start();
  await fleet.untilLive('sleeps', tree);
});
