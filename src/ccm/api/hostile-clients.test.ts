// Clients of the public port that hold places, guess, or keep the CCM from stopping: others are served meanwhile.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createCertificateAuthority } from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { createPublicServer } from './public-server.ts';
import { temporaryApi } from './testing/temporary-api.ts';

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

test('no user name, however long, hides a wrong password of Git from being counted', async () => {
  const api = await temporaryApi({ attemptsMax: 3 });
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) {
    const headers = basic('x'.repeat(3_000), 'tc_wrong');
    statuses.push((await fetch(`${api.url}/git/docs.git/info/refs`, { headers })).status);
  }
  assert.deepEqual(statuses.slice(3), [429, 429]);
  const headers = basic('me', api.token('author'));
  assert.equal(
    (await fetch(`${api.url}/git/docs.git/info/refs`, { headers })).status,
    418,
    'a right one passes',
  );
});

test('one address cannot take all connections; a proxy on this machine is not counted', async (t: TestContext) => {
  const api = await temporaryApi({ limits: { perAddressMax: 2 } });
  const port = Number(new URL(api.url).port);
  const open = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    return { socket, closed };
  };
  const first = await open('127.0.0.2');
  await open('127.0.0.2');
  await (await open('127.0.0.2')).closed;
  for (let n = 0; n < 5; n++) await open('127.0.0.1');
  assert.equal((await api.call('GET', '/healthz')).status, 200);
  first.socket.destroy();
  await first.closed;
  await until('its place is free', async () => {
    const { socket } = await open('127.0.0.2');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    return Promise.race([
      once(socket, 'data').then(() => true),
      new Promise<boolean>((resolve) => socket.once('close', () => resolve(false))),
    ]);
  });
});

test('sockets for live events that bring no token give way; those with one come in', async (t: TestContext) => {
  const api = await temporaryApi();
  const url = `${api.url.replace('http', 'ws')}/api/v1/events`;
  const strangers: WebSocket[] = [];
  t.after(() => {
    for (const socket of strangers) socket.terminate();
  });
  for (let n = 0; n < 110; n++) {
    const socket = new WebSocket(url);
    socket.on('error', () => undefined);
    strangers.push(socket);
    await once(socket, 'open');
  }
  await until('the first ones were closed', () =>
    strangers.slice(0, 10).every(({ readyState }) => readyState === WebSocket.CLOSED),
  );
  const honest = new WebSocket(url);
  strangers.push(honest);
  await once(honest, 'open');
  honest.send(JSON.stringify({ token: api.token('viewer') }));
  const told = once(honest, 'message');
  await until('the event arrived', async () => {
    api.registry.events.append({ actor: 'test', kind: 'test.event' });
    return Promise.race([
      told.then(() => true),
      new Promise<false>((resolve) => setImmediate(resolve, false)),
    ]);
  });
});

test('an upgrade that is refused leaves no connection, although the client keeps its end open', async (t: TestContext) => {
  const api = await temporaryApi();
  const socket = connect({ port: Number(new URL(api.url).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  await once(socket, 'end');
  const poke = setInterval(() => socket.write('still here'), 20);
  t.after(() => clearInterval(poke));
  await closed;
});

test('a handshake that never finishes does not keep the CCM from stopping', async (t: TestContext) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { certificate, key } = await authority.issueServerIdentity(['localhost']);
  const listen = { host: '127.0.0.1', port: 0 };
  const api = { app: (() => undefined) as never, upgrade: () => undefined, close: () => undefined };
  const server = await createPublicServer(api, { listen, tls: { certificate, key } });
  const socket = connect({ port: server.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  const cut = once(socket, 'close');
  await server.close(0);
  await cut;
});
