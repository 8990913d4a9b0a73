// Clients that go away at every phase of a push, and bodies that are cut, wrong, endless, or a bomb: nothing is half applied, no process and
// no slot is left.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { until } from '../../plugins/testing/until.ts';
import type { Push } from '../push-authority.ts';
import { pushProcesses } from '../push-processes.ts';
import { flushPacket, packet } from './pkt-line.ts';
import { pushBody, type RawPush, startRawPush } from './test-push.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './test-server.ts';

const id = '1'.repeat(40);
const ways: Readonly<Record<string, (push: RawPush) => void>> = {
  FIN: ({ socket }) => socket.destroy(),
  RST: ({ socket }) => socket.resetAndDestroy(),
};

async function assertNothing(server: TestServer, what: string): Promise<void> {
  await server.endpoint.settled();
  assert.deepEqual(await server.refs(), {}, what);
  assert.deepEqual(server.leftovers(), [], what);
  assert.deepEqual(await pushProcesses(server.repositoryPath), [], what);
}

/** An authority that holds each verdict until it is released, and counts the questions. */
function holding() {
  let questions = 0;
  let verdict = Promise.withResolvers<{ accepted: true }>();
  const beforeRefs = (_: Push) => {
    questions += 1;
    return verdict.promise;
  };
  return {
    options: { authority: { beforeRefs } } satisfies TestServerOptions,
    questions: () => questions,
    release() {
      verdict.resolve({ accepted: true });
      verdict = Promise.withResolvers();
    },
  };
}

for (const [way, leave] of Object.entries(ways)) {
  test(`PUSH-10 N26 the client is gone (${way}) before the body, with half a pack, while the hook waits`, async (t) => {
    const held = holding();
    const server = await startTestServer(t, { ...held.options, requestsMax: 1, waitMs: 100 });
    const commit = await server.commit({ 'big.bin': randomBytes(400_000) });
    const body = await pushBody(server, commit, 'report-status side-band-64k');
    const headers = { 'content-length': String(body.length) };

    const early = await startRawPush(server, headers);
    await until('git waits for it', async () => (await pushProcesses(server.repositoryPath)).length > 0);
    leave(early);
    await assertNothing(server, 'before the body');

    const half = await startRawPush(server, headers);
    half.socket.write(body.subarray(0, 200_000));
    await until('the half is on disk', () => server.leftovers().length > 0);
    leave(half);
    await assertNothing(server, 'half a pack');

    const waiting = await startRawPush(server, headers);
    waiting.socket.write(body);
    await until('the hook waits', () => held.questions() === 1);
    leave(waiting);
    await assertNothing(server, 'while the hook waits');
    held.release();

    const honest = server.git(server.author, 'push', server.url, 'main');
    await until('the hook waits', () => held.questions() === 2);
    held.release();
    assert.equal((await honest).exitCode, 0, 'the one slot is free');
  });

  test(`PUSH-11 the client is gone (${way}) while it follows: the refs stay, the listening ends`, async (t) => {
    const [following, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const never = Promise.withResolvers<string>();
    const server = await startTestServer(t, {
      authority: {
        async *afterRefs() {
          yield 'staging';
          following.resolve();
          yield await never.promise;
        },
      },
    });
    const commit = await server.commit({ a: '1' });
    const body = await pushBody(server, commit, 'report-status side-band-64k');
    const push = await startRawPush(server, { 'content-length': String(body.length) });
    push.socket.write(body);
    await following.promise;
    leave(push);
    await server.endpoint.settled();
    ended.resolve();
    assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
    assert.deepEqual(await pushProcesses(server.repositoryPath), []);
    never.resolve('');
  });
}

test('PUSH-18 bodies that are cut, or whose lengths lie, move nothing', async (t) => {
  const server = await startTestServer(t);
  const commit = await server.commit({ a: '1' });
  const body = await pushBody(server, commit, 'report-status side-band-64k');
  const command = packet(`${'0'.repeat(40)} ${commit} refs/heads/main\0 report-status side-band-64k`);
  const chunked = { 'transfer-encoding': 'chunked' };
  const whole = (bytes: Buffer) => `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n0\r\n\r\n`;
  const cases: readonly (readonly [string, Record<string, string>, string])[] = [
    ['a packet that ends early', chunked, whole(command.subarray(0, 30))],
    ['no flush after the commands', chunked, whole(command)],
    ['no pack', chunked, whole(Buffer.concat([command, flushPacket]))],
    ['half a pack', chunked, whole(body.subarray(0, body.length - 25))],
    ['a pack with a flipped byte', chunked, whole(flipped(body, body.length - 30))],
    ['a pack that goes on', { 'content-length': String(body.length - 10) }, body.toString('latin1')],
    ['a chunk that is none', chunked, 'zz\r\n0000\r\n'],
    ['a chunk longer than it says', chunked, `4\r\n${body.toString('latin1')}`],
    ['lengths and chunks', { ...chunked, 'content-length': '4' }, whole(flushPacket)],
  ];
  for (const [what, headers, text] of cases) {
    const push = await startRawPush(server, { connection: 'close', ...headers });
    push.socket.end(text, 'latin1');
    await push.answer;
    await assertNothing(server, what);
  }
  const longer = await startRawPush(server, { 'content-length': String(body.length + 10) });
  longer.socket.write(body);
  longer.socket.end();
  await longer.answer;
  await server.endpoint.settled();
  assert.deepEqual(await pushProcesses(server.repositoryPath), []);
});

test('PUSH-18 a gzip bomb costs what the limit of a push allows, and is refused', async (t) => {
  const server = await startTestServer(t, { maxInputBytes: 1_000_000 });
  const head = Buffer.concat([
    packet(`${'0'.repeat(40)} ${id} refs/heads/main\0 report-status`),
    flushPacket,
  ]);
  const pack = Buffer.from('PACK\0\0\0\x02\0\0\0\x01', 'latin1');
  const bombs = {
    'nothing but zeros': gzipSync(Buffer.alloc(200_000_000)),
    'behind a good head': gzipSync(Buffer.concat([head, pack, Buffer.alloc(200_000_000)])),
    'in the head': gzipSync(Buffer.concat(Array.from({ length: 40_000 }, () => head.subarray(0, -4)))),
  };
  for (const [what, bomb] of Object.entries(bombs)) {
    assert.ok(bomb.length < 400_000);
    const push = await startRawPush(server, {
      'content-encoding': 'gzip',
      'content-length': String(bomb.length),
      connection: 'close',
    });
    push.socket.write(bomb);
    const answer = await push.answer;
    assert.doesNotMatch(answer, /ok refs/, what);
    await assertNothing(server, what);
  }
  assert.deepEqual(server.events, []);
});

test('PUSH-35 a body that only drips is ended', async (t) => {
  const server = await startTestServer(t, { patience: { ms: 1_500, bytes: 64 } });
  const dripping = await startRawPush(server, { 'transfer-encoding': 'chunked' });
  const drip = setInterval(() => dripping.socket.write('1\r\n0\r\n'), 100);
  await dripping.answer;
  clearInterval(drip);
  await assertNothing(server, 'dripping');
});

test('PUSH-35 a body that is slow and moves is taken in', async (t) => {
  const patience = { ms: 10_000, bytes: 32 };
  const server = await startTestServer(t, { patience });
  const commit = await server.commit({ 'big.bin': randomBytes(2_000) });
  const body = await pushBody(server, commit, 'report-status');
  const slow = await startRawPush(server, { 'content-length': String(body.length), connection: 'close' });
  const startedAt = performance.now();
  let at = 0;
  const trickle = setInterval(() => {
    slow.socket.write(body.subarray(at, at + 60));
    at += 60;
    if (at >= body.length) clearInterval(trickle);
  }, 350);
  t.after(() => clearInterval(trickle));
  assert.match(await slow.answer, /ok refs\/heads\/main/);
  assert.ok(performance.now() - startedAt > patience.ms, 'longer than the patience with one that drips');
  assert.deepEqual(await server.refs(), { 'refs/heads/main': commit });
});

test('PUSH-35 the request of a fetch that only drips is ended, and its process with it', async (t) => {
  const server = await startTestServer(t, { patience: { ms: 1_000, bytes: 64 } });
  const fetching = await startRawPush(server, { 'transfer-encoding': 'chunked' }, 'git-upload-pack');
  const drip = setInterval(() => fetching.socket.write('1\r\n0\r\n'), 100);
  await fetching.answer;
  clearInterval(drip);
  await server.endpoint.settled();
});

test('PUSH-10 a client that never reads the answer is forgotten when it leaves', async (t) => {
  const server = await startTestServer(t, {
    authority: {
      async *afterRefs() {
        for (let line = 0; line < 20_000; line++) yield 'x'.repeat(1_000);
      },
    },
  });
  const commit = await server.commit({ a: '1' });
  const body = await pushBody(server, commit, 'report-status side-band-64k');
  const push = await startRawPush(server, { 'content-length': String(body.length) });
  push.socket.pause();
  push.socket.write(body);
  await until('its refs moved', async () => Object.keys(await server.refs()).length === 1);
  push.socket.destroy();
  await once(push.socket, 'close');
  await server.endpoint.settled();
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
