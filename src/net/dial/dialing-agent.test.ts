import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
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
