import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer as createTlsServer, request } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { issueNodeCredentials } from '../testing/node-credentials.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createCertificateAuthority } from '../tls/certificate-authority.ts';
import { createDialingAgent } from './dialing-agent.ts';

test('LEAD-60: a connection that comes when all were given up is closed, and its request ends', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const dialed = Promise.withResolvers<Socket>();
  const agent = createDialingAgent(() => dialed.promise, { keepAlive: true });
  const outgoing = request(`https://127.0.0.1:${port}/`, { agent });
  const failed = once(outgoing, 'error');
  outgoing.end();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  agent.destroy();
  dialed.resolve(socket);
  const [error] = (await failed) as [Error];
  assert.match(error.message, /given up/);
  assert.ok(socket.destroyed);
});

test('LEAD-58: a connection that breaks just when its answer has ended ends nothing else', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const server = createTlsServer({ key: identity.key, cert: identity.certificate }, (_, response) =>
    response.end('all'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = createDialingAgent(
    async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
    { keepAlive: true, rejectUnauthorized: false },
  );
  t.after(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const uncaught: unknown[] = [];
  const hear = (error: unknown): number => uncaught.push(error);
  process.on('uncaughtException', hear);
  t.after(() => process.off('uncaughtException', hear));
  const outgoing = request(`https://127.0.0.1:${port}/`, { agent });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const { socket } = response;
  response.on('end', () => socket.destroy(new Error('torn')));
  response.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  await setImmediate();
  assert.deepEqual(uncaught, []);
});
