// A whole CCM and a node that lies to it, with a certificate that is right: what the pusher is told, and what gives the liar away (LINK-30).

import assert from 'node:assert/strict';
import { createHash, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import WebSocket, { type ClientOptions } from 'ws';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { openNodeIdentity } from '../../src/agent/join/node-identity.ts';
import { readManifest } from '../../src/assignment/read-manifest.ts';
import { signObject } from '../../src/assignment/signed.ts';
import { runCcm } from '../../src/ccm/ccm.ts';
import { helloOf } from '../../src/ccm/gateway/testing/raw-agent.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import type { CcmMessage } from '../../src/model/messages.ts';
import type { Receipt } from '../../src/model/receipt.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { exportPrivateKey, generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { ccmConnectionOptions } from '../../src/net/tls/tls-settings.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';

type Assignment = Extract<CcmMessage, { type: 'assignment' }>;

interface Liar {
  readonly client: Client;
  readonly author: Author;
  readonly url: string;
  readonly key: KeyObject;
  readonly received: CcmMessage[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  say(value: unknown): void;
  receipt(phase: Receipt['phase'], release: Receipt['release'], tree: string | null, key?: KeyObject): object;
  next<T extends CcmMessage['type']>(type: T): Promise<Extract<CcmMessage, { type: T }>>;
}

async function lying(t: TestScope): Promise<Liar> {
  const directory = temporaryDirectory(t);
  const ccm = await runCcm({
    directory: join(directory, 'ccm'),
    listen: '127.0.0.1:0',
    agentListen: '127.0.0.1:0',
    logger: pino({ level: 'silent' }),
    create: true,
  });
  t.after(() => ccm.close());
  const { secret } = ccm.registry.tokens.create({ name: 'test', roles: ['admin', 'author'] }, 'test');
  const client = createClient({ api: ccm.api, token: secret });
  await client.sites.create({ name: 'docs' });
  const { token } = await client.joinTokens.create();
  const agent = join(directory, 'agent');
  await joinCcm({ token, name: 'liar', directory: agent });
  const opened = await openNodeIdentity(agent);
  assert.ok(opened !== undefined);
  const { identity, key } = opened;
  const tls = {
    identity: { key: exportPrivateKey(key), certificate: identity.certificate },
    ca: identity.ca,
  };
  const socket = new WebSocket(`${ccm.agentUrl.replace('https', 'wss')}/agent`, {
    ...(ccmConnectionOptions(tls) as unknown as ClientOptions),
    perMessageDeflate: false,
  });
  t.after(() => socket.terminate());
  const received: CcmMessage[] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data)) as CcmMessage));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  const say = (value: unknown): void => socket.send(JSON.stringify(value));
  say(helloOf('liar'));
  const author = await createAuthor();
  t.after(() => author.remove());
  await author.write('index.html', 'the truth');
  await author.commit();
  const url = new URL(ccm.git('docs'));
  url.username = 'author';
  url.password = secret;
  const liar: Liar = {
    client,
    author,
    url: url.href,
    key,
    received,
    closed,
    say,
    receipt(phase, release, tree, by = key) {
      const scope = phase === 'verified' ? 'full' : 'changed';
      const receipt: Receipt = {
        version: 1,
        node: 'liar',
        site: 'docs',
        phase,
        scope,
        release,
        tree,
        at: Date.now(),
      };
      return signObject(receipt, by);
    },
    async next(type) {
      const find = () => received.findLast((message) => message.type === type);
      await until(`the CCM says ${type}`, () => find() !== undefined);
      return find() as Extract<CcmMessage, { type: typeof type }>;
    },
  };
  await liar.next('welcome');
  return liar;
}

function targetOf(assignment: Assignment): string {
  assert.ok(assignment.source.kind === 'inline');
  const manifest = Buffer.from(assignment.source.manifest, 'base64');
  return readManifest(manifest, { verifySignature: () => true }).header.targetTree;
}

test('LINK-30 a forged receipt ends the job at once, with the reason in the terminal of the push', async (t) => {
  const liar = await lying(t);
  const pushing = liar.author.push(liar.url);
  const assignment = await liar.next('assignment');
  const { id, release } = assignment;
  const receipt = liar.receipt('staged', release, targetOf(assignment), generatePrivateKey());
  liar.say({ type: 'staged', site: 'docs', assignment: id, receipt });
  const { stderr } = await pushing;
  assert.match(stderr, /not published: 1 of 1 nodes did not stage/);
  assert.match(stderr, /liar: its receipt is not one that this node signed for this \[RECEIPT_INVALID\]/);
  assert.deepEqual(await liar.closed, { code: 4400, reason: 'RECEIPT_INVALID' });
  const events = await liar.client.events.list({ limit: 100 });
  assert.ok(events.some(({ kind, node }) => kind === 'node.report.refused' && node === 'liar'));
  assert.equal((await liar.client.sites.status('docs')).tree, null);
});

test('LINK-30 X1 a node that signs what is not so is believed until its tree is asked for: `verify` needs its word for every byte', async (t) => {
  const liar = await lying(t);
  const tree = await liar.author.tree();
  const pushing = liar.author.push(liar.url);
  const assignment = await liar.next('assignment');
  const { id, release } = assignment;
  assert.equal(targetOf(assignment), tree);
  liar.say({ type: 'switched', site: 'docs', receipt: liar.receipt('switched', release, tree) });
  liar.say({ type: 'staged', site: 'docs', assignment: id, receipt: liar.receipt('staged', release, tree) });
  await liar.next('decision');
  liar.say({ type: 'switched', site: 'docs', receipt: liar.receipt('switched', release, tree) });
  assert.match((await pushing).stderr, /staged 1\/1 {2}live 1\/1/);
  const events = await liar.client.events.list({ limit: 100 });
  assert.equal(
    events.filter(({ kind }) => kind === 'node.report.refused').length,
    1,
    'the one before the decision',
  );

  const other = createHash('sha1').update('another tree').digest('hex');
  for (const [what, found, drift] of [
    ['another tree', other, []],
    ['the right tree, with drift', tree, [{ path: 'index.html', problem: 'content' }]],
    ['no tree', null, []],
  ] as const) {
    const seen = liar.received.length;
    const verifying = liar.client.sites.verify('docs');
    await until('it is asked', () => liar.received.slice(seen).some(({ type }) => type === 'verify'));
    const { request } = await liar.next('verify');
    liar.say({
      type: 'verified',
      request,
      site: 'docs',
      receipt: liar.receipt('verified', release, found),
      drift,
    });
    const [result] = (await verifying).nodes;
    assert.equal(result?.ok, false, what);
  }
  const verifying = liar.client.sites.verify('docs');
  const seen = liar.received.length;
  await until('it is asked', () => liar.received.slice(seen).some(({ type }) => type === 'verify'));
  liar.say({ type: 'nonsense' });
  const [result] = (await verifying).nodes;
  assert.equal(result?.error?.code, 'NODE_LOST', 'who does not answer is not in order either');
});
