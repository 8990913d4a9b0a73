import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import { createClient } from '../../client/client.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { type TemporaryApi, temporaryApi } from './testing/temporary-api.ts';

function open(api: TemporaryApi, token?: string, path = '/api/v1/events'): WebSocket {
  return new WebSocket(api.url.replace('http', 'ws') + path, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
}

async function message(socket: WebSocket): Promise<Record<string, unknown> & { error?: { code: string } }> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(data.toString());
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const happen = (api: TemporaryApi, kind: string) => api.registry.events.append({ actor: 'test', kind });

test('live events begin after the id that was asked for, miss none, and go on as they happen', async () => {
  const api = await temporaryApi();
  const client = createClient({ api: api.url, token: api.token('viewer') });
  const first = happen(api, 'n.0');
  for (let index = 1; index <= 450; index++) happen(api, `n.${index}`);
  const kinds: string[] = [];
  for await (const event of client.events.live({ after: first.id - 1 })) {
    kinds.push(event.kind);
    // While pages of the past are still on their way, and after.
    if (kinds.length === 1 || kinds.length === 452) happen(api, `live.${kinds.length}`);
    if (kinds.length === 453) break;
  }
  const past = Array.from({ length: 451 }, (_, index) => `n.${index}`);
  assert.deepEqual(kinds, [...past, 'live.1', 'live.452']);
  assert.deepEqual(
    (await client.events.list({ after: first.id, limit: 2 })).map((event) => event.kind),
    ['n.1', 'n.2'],
  );
});

test('without an id live events begin with what happens next', async () => {
  const api = await temporaryApi();
  const socket = open(api, api.token('viewer'));
  happen(api, 'before');
  await once(socket, 'open');
  // The answer to a ping comes after the CCM has let the socket in.
  socket.ping();
  await once(socket, 'pong');
  happen(api, 'after');
  assert.equal((await message(socket))['kind'], 'after');
  socket.terminate();
});

test('a token may come as the first message; nobody without one hears anything', async () => {
  const api = await temporaryApi();
  const token = api.token('operator');
  happen(api, 'secret');
  const late = open(api, undefined, '/api/v1/events?after=0');
  await once(late, 'open');
  late.send(JSON.stringify({ token }));
  assert.equal((await message(late))['kind'], 'token.created');
  late.terminate();
  for (const [words, code] of [
    [JSON.stringify({ token: 'tc_wrong' }), 'UNAUTHENTICATED'],
    [JSON.stringify({ token: api.token('author') }), 'FORBIDDEN'],
    ['no json', 'UNAUTHENTICATED'],
    [JSON.stringify({ token, more: 1 }), 'UNAUTHENTICATED'],
  ] as const) {
    const socket = open(api, undefined, '/api/v1/events?after=0');
    await once(socket, 'open');
    socket.send(words);
    assert.equal((await message(socket)).error?.code, code);
    assert.equal((await once(socket, 'close'))[0], 1008);
  }
  const client = createClient({ api: api.url, token: 'tc_wrong' });
  await assert.rejects(async () => {
    for await (const event of client.events.live()) assert.fail(event.kind);
  }, hasCode('UNAUTHENTICATED'));
});

test('a token that is revoked closes its live events at once', async () => {
  const api = await temporaryApi();
  const { secret, token } = api.registry.tokens.create({ name: 'v', roles: ['viewer'] }, 'test');
  const socket = open(api, secret, '/api/v1/events?after=0');
  assert.equal((await message(socket))['kind'], 'token.created');
  const closed = once(socket, 'close');
  api.registry.tokens.revoke(token.id, 'test');
  assert.equal((await closed)[0], 1008);
});

test('a reader that stalls makes nothing pile up here, and misses nothing once it reads on', async () => {
  const api = await temporaryApi();
  const socket = open(api, api.token('viewer'), '/api/v1/events?after=0');
  await message(socket);
  socket.pause();
  const data = { text: 'x'.repeat(100_000) };
  const before = heldBytes();
  for (let index = 0; index < 600; index++)
    api.registry.events.append({ actor: 'test', kind: 'large', data });
  const held = heldBytes() - before;
  assert.ok(held < 30_000_000, `60 MB of events, ${held} bytes held`);
  const ids: number[] = [];
  const all = Promise.withResolvers<void>();
  socket.on('message', (text: Buffer) => {
    ids.push(JSON.parse(text.toString()).id);
    if (ids.length === 601) all.resolve();
    if (ids.length === 600) happen(api, 'last');
  });
  socket.resume();
  await all.promise;
  const expected = Array.from({ length: 601 }, (_, index) => index + 2);
  assert.deepEqual(ids, expected);
  socket.terminate();
});

test('another path, a wrong id and a message that is too long are refused', async () => {
  const api = await temporaryApi();
  const token = api.token('viewer');
  for (const [path, status] of [
    ['/', 404],
    ['/api/v1/events/x', 404],
    ['/git/docs.git', 404],
    ['/api/v1/events?after=x', 400],
  ] as const) {
    const [, response] = await once(open(api, token, path), 'unexpected-response');
    assert.equal(response.statusCode, status, path);
    response.destroy();
  }
  const socket = open(api, token);
  await once(socket, 'open');
  socket.send('x'.repeat(5_000));
  assert.equal((await once(socket, 'close'))[0], 1009);
});
