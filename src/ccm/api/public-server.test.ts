import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import express from 'express';
import { createClient } from '../../client/client.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { createPublicServer } from './public-server.ts';
import { temporaryApi } from './testing/temporary-api.ts';

const api = {
  app: express().get('/healthz', (_, response) => void response.json({})),
  upgrade() {},
  close() {},
};

test('a port that is taken, or an address that is not here, is refused with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(createPublicServer(api, { listen: { host: '127.0.0.1', port } }), hasCode('CONFLICT'));
  await assert.rejects(
    createPublicServer(api, { listen: { host: '203.0.113.1', port: 0 } }),
    hasCode('INVALID_CONFIGURATION'),
  );
  taken.close();
});

test('the origin names an address that can be called, also when it listens on all, and over IPv6', async () => {
  for (const [host, origin] of [
    ['0.0.0.0', 'http://127.0.0.1:'],
    ['::1', 'http://[::1]:'],
  ] as const) {
    const server = await createPublicServer(api, { listen: { host, port: 0 } });
    assert.equal(server.url, origin + server.port);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    await server.close(0);
    await assert.rejects(fetch(`${server.url}/healthz`));
  }
});

test('Git gets the request untouched, its body unread, whatever its type', async () => {
  const { url, token } = await temporaryApi({
    git: (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => response.json([request.url, Buffer.concat(chunks).toString()]));
    },
  });
  const answer = await fetch(`${url}/git/docs.git/git-receive-pack?x=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`me:${token('author')}`)}` },
    body: '0000',
  });
  assert.deepEqual(await answer.json(), ['/docs.git/git-receive-pack?x=1', '0000']);
});

test('closing lets a running request end, and ends live events', async () => {
  const temporary = await temporaryApi();
  temporary.registry.sites.create({ name: 'docs' }, 'test');
  const client = createClient({ api: temporary.url, token: temporary.token('operator') });
  const [asked, verified] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const result = { site: 'docs', commit: null, tree: null, nodes: [] };
  temporary.service.verified = async () => {
    asked.resolve();
    await verified.promise;
    return result;
  };
  const verify = client.sites.verify('docs');
  await asked.promise;
  const closed = temporary.close(60_000);
  verified.resolve();
  assert.deepEqual(await verify, result);
  await closed;
  await assert.rejects(client.health(), hasCode('CCM_UNREACHABLE'));
});

test("with the operator's certificate it speaks HTTPS; a certificate that is none is refused", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-tls-'));
  const authority = await createCertificateAuthority(directory);
  const { certificate, key } = await authority.issueServerIdentity(['localhost']);
  await rm(directory, { recursive: true });
  const listen = { host: 'localhost', port: 0 };
  const server = await createPublicServer(api, { listen, tls: { certificate, key } });
  assert.equal(server.url, `https://localhost:${server.port}`);
  const call = request(`${server.url}/healthz`, { ca: authority.certificate, agent: false }).end();
  const [answer] = await once(call, 'response');
  assert.equal(answer.statusCode, 200);
  answer.resume();
  await server.close(0);
  await assert.rejects(
    createPublicServer(api, { listen, tls: { certificate: 'none', key } }),
    hasCode('INVALID_CONFIGURATION'),
  );
});
