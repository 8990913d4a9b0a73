// Renewal and revocation at the agents' port: what each standing of a certificate may do, and what ends when a node is turned away.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { readBody } from '../../net/http/read-body.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { issueNodeCredentials, type NodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { issueTicket } from '../../net/tickets/ticket.ts';
import { createCertificateAuthority, type TlsIdentity } from '../../net/tls/certificate-authority.ts';
import { fingerprintOf } from '../../net/tls/fingerprint.ts';
import { exportPrivateKey, generatePrivateKey } from '../../net/tls/key-pair.ts';
import { createSigningRequest } from '../../net/tls/signing-request.ts';
import { ccmConnectionOptions } from '../../net/tls/tls-settings.ts';
import { until } from '../../plugins/testing/until.ts';
import { connectGreeted, connectRawAgent, helloOf } from './testing/raw-agent.ts';
import { type RunningGateway, runGateway } from './testing/running-gateway.ts';

const id = 'b'.repeat(64);
const removal = new TreecastError('NODE_REMOVED', 'The node was removed.');

function open(
  { url, certificates }: RunningGateway,
  identity: TlsIdentity | undefined,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const tls =
    identity === undefined
      ? { ca: certificates.certificate, checkServerIdentity: () => undefined }
      : ccmConnectionOptions({ identity, ca: certificates.certificate });
  const outgoing = request(url + path, {
    ...tls,
    method: text === undefined ? 'GET' : 'POST',
    headers: text === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(text) },
  });
  outgoing.end(text);
  return once(outgoing, 'response').then(([response]) => response as IncomingMessage);
}

async function ask(...args: Parameters<typeof open>) {
  const response = await open(...args);
  const value = JSON.parse((await readBody(response, 65_536)).toString()) as {
    certificate?: string;
    error?: { code: string };
  };
  return { status: response.statusCode, code: value.error?.code, certificate: value.certificate };
}

const fingerprint = ({ identity }: NodeCredentials): string =>
  fingerprintOf(new X509Certificate(identity.certificate).raw);

const renewBody = async (node: string, key = generatePrivateKey()) => ({
  version: 1,
  request: await createSigningRequest(key, node),
});

test('KEYS-3: a node gets a certificate for a new key over its mutual TLS, and is admitted with it', async (t) => {
  const running = await runGateway(t);
  const node = await running.addNode('web-1');
  const key = generatePrivateKey();
  const answer = await ask(running, node.identity, '/renew', { body: await renewBody('web-1', key) });
  assert.equal(answer.status, 200);
  const certificate = answer.certificate ?? '';
  assert.ok(new X509Certificate(certificate).checkPrivateKey(key));
  const agent = await connectRawAgent(running, { key: exportPrivateKey(key), certificate });
  agent.say(helloOf('web-1'));
  await once(agent.socket, 'message');
  assert.equal(agent.received[0]?.type, 'welcome');
});

test('KEYS-3: nobody renews in another’s name, without a certificate, or with one of another authority', async (t) => {
  const running = await runGateway(t);
  const node = await running.addNode('web-1');
  const other = await createCertificateAuthority(join(temporaryDirectory(t), 'other'));
  const stranger = await issueNodeCredentials(other, 'web-1');
  const body = await renewBody('web-2');
  assert.equal((await ask(running, node.identity, '/renew', { body })).code, 'CERTIFICATE_INVALID');
  const own = await renewBody('web-1');
  assert.equal((await ask(running, undefined, '/renew', { body: own })).code, 'CERTIFICATE_INVALID');
  assert.equal((await ask(running, stranger.identity, '/renew', { body: own })).code, 'CERTIFICATE_INVALID');
  assert.equal((await ask(running, node.identity, '/renew', { body: {} })).code, 'MESSAGE_INVALID');
});

test('KEYS-5 KEYS-7: what a certificate may do by its standing, on the link, for ranges and for renewal', async (t) => {
  const running = await runGateway(t);
  const expected = {
    expired: ['CERTIFICATE_EXPIRED', undefined],
    dead: ['CERTIFICATE_EXPIRED', 'CERTIFICATE_EXPIRED'],
    replaced: ['CERTIFICATE_INVALID', 'CERTIFICATE_INVALID'],
    removed: ['NODE_REMOVED', 'NODE_REMOVED'],
    unknown: ['CERTIFICATE_INVALID', 'CERTIFICATE_INVALID'],
  } as const;
  for (const [standing, [code, renewCode]] of Object.entries(expected)) {
    const node = await running.addNode('web-1');
    running.standings.set(fingerprint(node), standing as keyof typeof expected);
    const agent = await connectRawAgent(running, node.identity);
    assert.deepEqual(await agent.closed, { code: closeCodes.certificateInvalid, reason: code });
    assert.equal(agent.received[0]?.error?.code, code);
    assert.equal((await ask(running, node.identity, `/assignments/${id}/data`)).code, code);
    const body = await renewBody('web-1');
    assert.equal((await ask(running, node.identity, '/renew', { body })).code, renewCode, standing);
  }
});

test('KEYS-7: a removal ends the link, a link that has not said hello, and a fetch that runs', async (t) => {
  const running = await runGateway(t);
  const node = await running.addNode('web-1');
  const other = await running.addNode('web-2');
  const dataPath = join(running.directory, 'data');
  writeFileSync(dataPath, Buffer.alloc(64 * 1024 * 1024));
  running.assignments.set(id, { manifestPath: dataPath, dataPath });
  const link = await connectGreeted(running, node);
  const silent = await connectRawAgent(running, node.identity);
  const ticket = issueTicket(
    { job: 'j', assignment: id, fetcher: 'web-1', expiresAt: Date.now() + 60_000 },
    running.releaseKey,
  );
  const headers = { authorization: `Ticket ${ticket}` };
  const fetch = await open(running, node.identity, `/assignments/${id}/data`, { headers });
  const bystander = await connectGreeted(running, other);
  running.standings.set(fingerprint(node), 'removed');
  running.gateway.close('web-1', removal);
  // Sent before the removal is heard of, and too late all the same.
  link.say({ type: 'undone', site: 'docs', release: { epoch: 1, sequence: 1 } });
  silent.say(helloOf('web-1'));
  const { code } = await link.closed;
  assert.equal(code, closeCodes.certificateInvalid);
  assert.equal(link.received.at(-1)?.error?.code, 'NODE_REMOVED');
  assert.equal((await silent.closed).code, closeCodes.certificateInvalid);
  await assert.rejects(
    (async () => {
      let bytes = 0;
      for await (const chunk of fetch) bytes += (chunk as Buffer).length;
      return bytes;
    })(),
    'the running fetch is cut',
  );
  await until('it is gone', () => !running.gateway.isConnected('web-1'));
  assert.ok(running.gateway.isConnected('web-2'));
  bystander.socket.close();
  assert.ok(!running.events.some((event) => event.what === 'message'), 'nothing it said counted');
  assert.equal(
    (await ask(running, node.identity, `/assignments/${id}/data`, { headers })).code,
    'NODE_REMOVED',
  );
});

test('KEYS-7: a removed node that does not close its link is cut off', async (t) => {
  const running = await runGateway(t);
  const link = await connectGreeted(running, await running.addNode('web-1'));
  // It reads no more, so it never sees the closing handshake.
  link.socket.pause();
  running.gateway.close('web-1', removal);
  await until('it is gone', () => !running.gateway.isConnected('web-1'));
  link.socket.resume();
});
