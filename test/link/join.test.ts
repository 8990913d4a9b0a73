// Joining a node, end to end.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { runAgent } from '../../src/agent/run/run-agent.ts';
import { type RunningGateway, runGateway } from '../../src/ccm/gateway/testing/running-gateway.ts';
import { formatJoinToken } from '../../src/net/join/join-token.ts';
import { lockStateDirectory } from '../../src/net/state-lock.ts';
import { runConnectProxy } from '../../src/net/testing/connect-proxy.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { exportPrivateKey, generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { joinTokenOf } from './linked-agent.ts';

const secret = 's'.repeat(43);

async function setUp(t: TestScope): Promise<{ ccm: RunningGateway; directory: string }> {
  return { ccm: await runGateway(t), directory: join(temporaryDirectory(t), 'agent') };
}

test('LINK-13: a joined node has a key for its owner only, and connects', async (t) => {
  const { ccm, directory } = await setUp(t);
  const joined = await joinCcm({ token: joinTokenOf(ccm), name: 'web-1', directory });
  assert.deepEqual(joined, { name: 'web-1', ccmUrl: ccm.url, fresh: true });
  const folder = join(directory, 'identity');
  for (const file of ['key.pem', 'node.json']) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const agent = await runAgent(directory, { version: '1' });
  await agent.ready;
  assert.equal(agent.url, null);
  await agent.close();
});

test('LINK-12: a CCM with another CA than the token’s gets nothing, not even the token', async (t) => {
  const { ccm, directory } = await setUp(t);
  const other = await runGateway(t);
  other.secrets.set(secret, 'good');
  const token = formatJoinToken({ url: other.url, secret, fingerprint: ccm.certificates.fingerprint });
  await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'CA_FINGERPRINT_MISMATCH' });
  assert.equal(other.secrets.get(secret), 'good');
  assert.deepEqual(other.refusals, []);
  assert.ok(!existsSync(join(directory, 'identity', 'node.json')));
});

test('LINK-13: used, expired and unknown tokens are refused, also when tried again', async (t) => {
  const { ccm, directory } = await setUp(t);
  const token = joinTokenOf(ccm, secret);
  for (const state of ['used', 'expired'] as const) {
    ccm.secrets.set(secret, state);
    await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'JOIN_TOKEN_INVALID' });
  }
  ccm.secrets.delete(secret);
  await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'JOIN_TOKEN_INVALID' });
  await assert.rejects(joinCcm({ token: 'tcj_x', name: 'web-1', directory }), { code: 'JOIN_TOKEN_INVALID' });
  await assert.rejects(joinCcm({ token, name: 'Web 1', directory }), { code: 'INVALID_INPUT' });
  await assert.rejects(runAgent(directory, { version: '1' }), { code: 'NOT_FOUND' });
});

test('LINK-13: joining is safe to repeat: done once, and after an answer that was lost', async (t) => {
  const { ccm, directory } = await setUp(t);
  const token = joinTokenOf(ccm);
  await joinCcm({ token, name: 'web-1', directory });
  const key = readFileSync(join(directory, 'identity', 'key.pem'));
  assert.equal((await joinCcm({ token, name: 'web-1', directory })).fresh, false);
  // As if the answer had not arrived: the certificate request is the same, and so is the answer.
  rmSync(join(directory, 'identity', 'node.json'));
  renameSync(join(directory, 'identity', 'key.pem'), join(directory, 'identity', 'next-key.pem'));
  assert.equal((await joinCcm({ token, name: 'web-1', directory })).fresh, true);
  assert.deepEqual(readFileSync(join(directory, 'identity', 'key.pem')), key);
  const agent = await runAgent(directory, { version: '1' });
  await agent.ready;
  await agent.close();
});

test('LINK-13 KEYS-7: a node that was removed joins again with a new token, and with a new key', async (t) => {
  const { ccm, directory } = await setUp(t);
  await joinCcm({ token: joinTokenOf(ccm), name: 'web-1', directory });
  ccm.nodes.delete('web-1');
  const key = readFileSync(join(directory, 'identity', 'key.pem'));
  await joinCcm({ token: joinTokenOf(ccm), name: 'web-1', directory });
  assert.notDeepEqual(readFileSync(join(directory, 'identity', 'key.pem')), key);
  const agent = await runAgent(directory, { version: '1' });
  await agent.ready;
  await agent.close();
});

test('a CCM that is away is CCM_UNREACHABLE; a directory in use is not touched', async (t) => {
  const { ccm, directory } = await setUp(t);
  const token = joinTokenOf(ccm);
  const lock = lockStateDirectory(directory, 'the test');
  await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'STATE_DIRECTORY_LOCKED' });
  lock.release();
  await ccm.gateway.stop();
  await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'CCM_UNREACHABLE' });
});

test('an identity that was damaged, and a configuration of another node, are refused with a code', async (t) => {
  const { ccm, directory } = await setUp(t);
  await joinCcm({
    token: joinTokenOf(ccm),
    name: 'web-1',
    directory,
    configuration: { name: 'web-2' },
  });
  await assert.rejects(runAgent(directory, { version: '1' }), { code: 'INVALID_CONFIGURATION' });
  writeFileSync(join(directory, 'agent.yaml'), 'nmae: web-1\nserve: {listen: nowhere}\n');
  await assert.rejects(runAgent(directory, { version: '1' }), {
    code: 'INVALID_CONFIGURATION',
    message: /agent\.yaml:1:1 nmae(?:.|\n)*agent\.yaml:2/,
  });
  writeFileSync(join(directory, 'agent.yaml'), '');
  // A key that is lost, or another's, is said to be: no new one is made in silence.
  const keyPath = join(directory, 'identity', 'key.pem');
  const key = readFileSync(keyPath);
  rmSync(keyPath);
  await assert.rejects(runAgent(directory, { version: '1' }), { code: 'STATE_CORRUPT', message: /key\.pem/ });
  writeFileSync(keyPath, exportPrivateKey(generatePrivateKey()));
  await assert.rejects(runAgent(directory, { version: '1' }), { code: 'STATE_CORRUPT', message: /key\.pem/ });
  writeFileSync(keyPath, key);
  writeFileSync(join(directory, 'identity', 'node.json'), '{}');
  await assert.rejects(runAgent(directory, { version: '1' }), { code: 'STATE_CORRUPT' });
});

test('LEAD-60: a node joins through another one’s tunnel as a stranger, remembers it, and connects that way; nobody in between is believed', async (t) => {
  const { ccm, directory } = await setUp(t);
  const proxy = await runConnectProxy(t, ccm.certificates, 'web-2');
  const { port } = new URL(ccm.url);
  const via = { address: proxy.address, port: proxy.port };
  // As seen from here the CCM is where nothing listens.
  const url = 'https://127.0.0.1:1';
  ccm.secrets.set(secret, 'good');
  const token = formatJoinToken({ url, secret, fingerprint: ccm.certificates.fingerprint });
  await assert.rejects(joinCcm({ token, name: 'web-1', directory }), { code: 'CCM_UNREACHABLE' });
  const other = await runGateway(t);
  proxy.leadTo(Number(new URL(other.url).port));
  await assert.rejects(joinCcm({ token, name: 'web-1', via, directory }), {
    code: 'CA_FINGERPRINT_MISMATCH',
  });
  proxy.leadTo(Number(port));
  assert.equal((await joinCcm({ token, name: 'web-1', via, directory })).fresh, true);
  assert.deepEqual(new Set(proxy.asked), new Set(['127.0.0.1:1']));
  assert.ok(proxy.strangers > 0);
  const before = { ...proxy };
  writeFileSync(join(directory, 'agent.yaml'), 'segment: off\n');
  const agent = await runAgent(directory, { version: '1' });
  await agent.ready;
  assert.equal(proxy.strangers, before.strangers, 'it shows its certificate from now on');
  await agent.close();
});
