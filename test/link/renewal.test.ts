// A real agent that renews its certificate over the agents' port, and what interrupted renewals leave behind.

import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { type RunningAgent, runAgent } from '../../src/agent/run/run-agent.ts';
import { type RunningGateway, runGateway } from '../../src/ccm/gateway/testing/running-gateway.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { fingerprintOf } from '../../src/net/tls/fingerprint.ts';
import { exportPrivateKey, generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { joinTokenOf, welcomeOf } from './linked-agent.ts';

const dayMs = 86_400_000;

interface Renewing {
  readonly ccm: RunningGateway;
  readonly directory: string;
  readonly folder: string;
  /** By how much the CCM's clock is ahead of this machine's, in the welcomes from now on. */
  ccmAheadMs: number;
  /** Its log's messages. */
  readonly log: string[];
  start(): Promise<RunningAgent>;
  certificate(): string;
  /** Key and certificate belong together, and nothing half-done lies there. */
  assertWhole(): void;
}

async function setUp(t: TestScope): Promise<Renewing> {
  const directory = join(temporaryDirectory(t), 'agent');
  const folder = join(directory, 'identity');
  const ccm: RunningGateway = await runGateway(t, {
    onConnected(gateway, node) {
      const welcome = welcomeOf(ccm, null);
      if (welcome.type !== 'welcome') throw new Error('not a welcome');
      gateway.send(node, { ...welcome, ccmTime: Date.now() + set.ccmAheadMs });
    },
  });
  await joinCcm({ token: joinTokenOf(ccm), name: 'web-1', directory });
  const certificate = () =>
    (JSON.parse(readFileSync(join(folder, 'node.json'), 'utf8')) as { certificate: string }).certificate;
  const set: Renewing = {
    ccm,
    directory,
    folder,
    ccmAheadMs: 0,
    log: [],
    certificate,
    async start() {
      const write = (_: unknown, message?: string) => void set.log.push(message ?? '');
      const log = { debug: write, info: write, warn: write, error: write };
      const agent = await runAgent(directory, { version: '1', log });
      t.after(() => agent.close());
      await agent.ready;
      return agent;
    },
    assertWhole() {
      assert.deepEqual(readdirSync(folder).sort(), ['key.pem', 'node.json', 'sites.json']);
      const key = readFileSync(join(folder, 'key.pem'), 'utf8');
      assert.equal(statSync(join(folder, 'key.pem')).mode & 0o777, 0o600);
      assert.ok(new X509Certificate(certificate()).checkPrivateKey(createPrivateKey(key)));
    },
  };
  return set;
}

/** Fingerprint of the certificate that the node's present link shows, by its key. */
function keyInUse({ ccm, certificate }: Renewing): string | undefined {
  const shown = ccm.events.findLast((event) => event.what === 'connected');
  const own = new X509Certificate(certificate());
  return shown?.what === 'connected' && shown.publicKey.equals(own.publicKey)
    ? fingerprintOf(own.raw)
    : undefined;
}

test('KEYS-3 KEYS-12: an agent renews when the CCM’s time says so, with a new key, and goes on with it', async (t) => {
  const set = await setUp(t);
  const before = set.certificate();
  const agent = await set.start();
  assert.equal(set.certificate(), before, 'nothing is due at first');
  await agent.close();
  set.ccmAheadMs = 61 * dayMs;
  await set.start();
  await until('it has renewed', () => set.certificate() !== before);
  const fingerprint = fingerprintOf(new X509Certificate(set.certificate()).raw);
  await until(
    'it is connected with the new one',
    () => set.ccm.gateway.isConnected('web-1') && keyInUse(set) === fingerprint,
  );
  // The keys of the welcome are still being written down, perhaps.
  await until(
    'every file has its name',
    () => readdirSync(set.folder).sort().join(' ') === 'key.pem node.json sites.json',
  );
  set.assertWhole();
  assert.ok(
    set.log.some((line) => /more than a minute apart/.test(line)),
    'a wrong clock is told',
  );
});

test('KEYS-4: an interrupted renewal leaves a node that connects, whatever was done', async (t) => {
  const set = await setUp(t);
  await (await set.start()).close();
  const files = () =>
    Object.fromEntries(['key.pem', 'node.json'].map((name) => [name, readFileSync(join(set.folder, name))]));
  const old = files();
  set.ccmAheadMs = 61 * dayMs;
  const agent = await set.start();
  await until('it has renewed', () => !files()['node.json']?.equals(old['node.json'] as Buffer));
  // The keys of the welcome are still being written down, perhaps.
  await until(
    'every file has its name',
    () => readdirSync(set.folder).sort().join(' ') === 'key.pem node.json sites.json',
  );
  await agent.close();
  const renewed = files();
  const put = (name: string, bytes: Buffer | string | undefined) =>
    writeFileSync(join(set.folder, name), bytes ?? '', { mode: 0o600 });
  set.ccmAheadMs = 0;

  // The next key was made, and nothing else; then: the certificate arrived nowhere.
  put('node.json', old['node.json']);
  put('key.pem', old['key.pem']);
  put('next-key.pem', exportPrivateKey(generatePrivateKey()));
  await (await set.start()).close();
  assert.deepEqual(files(), old);

  // The new certificate was written, its key has not its name yet.
  put('node.json', renewed['node.json']);
  put('key.pem', old['key.pem']);
  put('next-key.pem', renewed['key.pem']);
  await (await set.start()).close();
  set.assertWhole();
  assert.deepEqual(files(), renewed);

  // And a node that was interrupted that way renews again.
  put('key.pem', old['key.pem']);
  renameSync(join(set.folder, 'key.pem'), join(set.folder, 'next-key.pem'));
  put('key.pem', renewed['key.pem']);
  set.ccmAheadMs = 61 * dayMs;
  const last = await set.start();
  await until('it has renewed', () => !files()['node.json']?.equals(renewed['node.json'] as Buffer));
  // The keys of the welcome are still being written down, perhaps.
  await until(
    'every file has its name',
    () => readdirSync(set.folder).sort().join(' ') === 'key.pem node.json sites.json',
  );
  await last.close();
  set.assertWhole();
});

test('KEYS-5: an agent whose certificate has expired renews with it and comes back', async (t) => {
  const set = await setUp(t);
  const before = set.certificate();
  set.ccm.standings.set(fingerprintOf(new X509Certificate(before).raw), 'expired');
  await set.start();
  assert.notEqual(set.certificate(), before);
  assert.ok(set.ccm.refusals.includes('CERTIFICATE_EXPIRED'));
});

test('KEYS-7: a removed agent is told so, keeps its files, and goes on serving', async (t) => {
  const set = await setUp(t);
  const agent = await set.start();
  set.ccm.standings.set(fingerprintOf(new X509Certificate(set.certificate()).raw), 'removed');
  set.ccm.gateway.close(
    'web-1',
    new TreecastError('NODE_REMOVED', 'The CCM turns this agent away: node web-1 was removed.'),
  );
  await until(
    'it was told, and told again when it tried again',
    () => set.log.filter((line) => /was removed/.test(line)).length >= 2,
  );
  set.assertWhole();
  await agent.close();
});
