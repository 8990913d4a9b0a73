import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebSocket } from 'ws';
import type { CcmMessage, Hello } from '../../model/messages.ts';
import { until } from '../../plugins/testing/until.ts';
import { createManualClock, type ManualClock } from '../testing/manual-clock.ts';
import { runScriptedCcm, type ScriptedCcm } from '../testing/scripted-ccm.ts';
import type { TestScope } from '../testing/temporary-directory.ts';
import { closeCodes } from './close-codes.ts';
import { ccmMessageBytesMax } from './limits.ts';
import { createLinkClient, type LinkClient, type ReceivedMessage } from './link-client.ts';

const welcome: CcmMessage = { type: 'welcome', protocol: 1, ccmTime: 0, releaseKeys: [], sites: [] };
const release = { epoch: 1, sequence: 1 };

interface Linked {
  readonly ccm: ScriptedCcm;
  readonly client: LinkClient;
  readonly clock: ManualClock;
  /** Hellos by connection. */
  readonly heard: string[][];
  readonly received: ReceivedMessage[];
  readonly downs: { readonly code: string; readonly retryMs: number }[];
}

async function link(t: TestScope, onHello: (socket: WebSocket, index: number) => void): Promise<Linked> {
  const clock = createManualClock();
  const heard: string[][] = [];
  const received: ReceivedMessage[] = [];
  const downs: { code: string; retryMs: number }[] = [];
  const ccm = await runScriptedCcm(t, {
    onSocket(socket, index) {
      const messages: string[] = [];
      heard.push(messages);
      socket.on('message', (data) => {
        messages.push(String(data));
        if (messages.length === 1) onHello(socket, index);
      });
    },
  });
  let hellos = 0;
  const hello = (): Hello => ({
    type: 'hello',
    protocols: [1],
    agentVersion: '0',
    node: 'web-1',
    profiles: [],
    url: null,
    labels: {},
    freeBytes: ++hellos,
    freeInodes: 0,
    sites: [],
  });
  const client = createLinkClient({
    ccmUrl: ccm.url,
    credentials: () => ({ identity: ccm.credentials.identity, ca: ccm.certificates.certificate }),
    hello,
    onMessage: (message) => received.push(message),
    onDown: ({ code }, retryMs) => downs.push({ code, retryMs }),
    clock,
    random: () => 0.999,
  });
  t.after(() => client.close());
  return { ccm, client, clock, heard, received, downs };
}

const say = (socket: WebSocket, message: unknown): void => socket.send(JSON.stringify(message));

test('LINK-2 LINK-9: each connection begins with a fresh hello; reports are sent only behind one', async (t) => {
  const { ccm, client, clock, heard, received, downs } = await link(t, (socket) => say(socket, welcome));
  assert.equal(client.send({ type: 'undone', site: 'early', release }), false);
  await until('the welcome arrived', () => received.length === 1);
  assert.equal(client.send({ type: 'undone', site: 'site', release }), true);
  await until('the report arrived', () => heard[0]?.length === 2);
  ccm.sockets[0]?.terminate();
  await until('the loss was noticed', () => downs.length === 1);
  assert.deepEqual(downs[0], { code: 'CCM_UNREACHABLE', retryMs: 100 });
  assert.equal(client.send({ type: 'undone', site: 'lost', release }), false);
  clock.advance(100);
  await until('it is back', () => received.length === 2);
  const [first, second] = heard.map(([hello]) => JSON.parse(hello ?? '') as Hello);
  assert.deepEqual([first?.freeBytes, second?.freeBytes], [1, 2]);
  assert.ok(heard.flat().every((text) => !text.includes('"early"') && !text.includes('"lost"')));
});

test('LINK-7: an unreachable CCM is tried again with growing waits, without end', async (t) => {
  const { ccm, clock, received, downs } = await link(t, (socket) => say(socket, welcome));
  await until('the welcome arrived', () => received.length === 1);
  ccm.server.close();
  ccm.sockets[0]?.terminate();
  for (let tries = 1; tries <= 8; tries++) {
    await until('it failed', () => downs.length === tries);
    clock.advance(5_000);
  }
  const waits = downs.map(({ retryMs }) => retryMs);
  assert.deepEqual(waits.slice(0, 3), [100, 200, 400]);
  assert.ok(waits.every((waitMs, index) => index === 0 || waitMs >= (waits[index - 1] ?? 0)));
  assert.ok(Math.max(...waits) <= 5_000);
});

test('LINK-3 LINK-8: after a refusal, or being replaced, the client waits seconds', async (t) => {
  const refusal = { type: 'refused', error: { code: 'PROTOCOL_VERSION', message: 'no' } };
  const { clock, downs } = await link(t, (socket, index) => {
    if (index === 0) say(socket, refusal);
    else socket.close(closeCodes.replaced, 'CONFLICT');
  });
  await until('it was refused', () => downs.length === 1);
  clock.advance(5_000);
  await until('it was replaced', () => downs.length === 2);
  assert.deepEqual(
    downs.map(({ code }) => code),
    ['PROTOCOL_VERSION', 'CONFLICT'],
  );
  assert.ok(downs.every(({ retryMs }) => retryMs >= 2_500));
});

test('LINK-5: what the CCM says is handed over in order', async (t) => {
  const { received } = await link(t, (socket) => {
    say(socket, welcome);
    for (let sequence = 0; sequence < 100; sequence++) {
      say(socket, { type: 'abort', site: 'site', release: { epoch: 1, sequence } });
    }
  });
  await until('all arrived', () => received.length === 101);
  const sequences = received.flatMap((message) =>
    message.type === 'abort' ? [message.release.sequence] : [],
  );
  assert.deepEqual(
    sequences,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('LINK-4: a malformed, unknown, early or oversize message ends the connection and reaches nobody', async (t) => {
  const frames = [
    '{',
    '{"type":"gossip"}',
    JSON.stringify({ ...welcome, more: 1 }),
    JSON.stringify({ type: 'removed', site: 'site' }),
    Buffer.from(JSON.stringify(welcome)),
    'x'.repeat(ccmMessageBytesMax + 1),
  ];
  const codes: number[] = [];
  const { clock, received, downs } = await link(t, (socket, index) => {
    socket.on('close', (code) => codes.push(code));
    socket.send(frames[index] as string);
    say(socket, welcome);
  });
  for (let n = 1; n <= frames.length; n++) {
    await until(`frame ${n} was refused`, () => downs.length === n && codes.length === n);
    clock.advance(10_000);
  }
  assert.deepEqual(codes, [...Array(5).fill(closeCodes.messageInvalid), closeCodes.tooLarge]);
  assert.deepEqual(received, []);
});

test('LINK-6: a CCM that sends nothing for three ticks is given up; a ping is a sign of life', async (t) => {
  const { ccm, clock, received, downs } = await link(t, (socket) => say(socket, welcome));
  await until('the welcome arrived', () => received.length === 1);
  for (let tick = 0; tick < 5; tick++) {
    clock.advance(2_000);
    const ponged = new Promise((resolve) => ccm.sockets[0]?.once('pong', resolve));
    ccm.sockets[0]?.ping();
    await ponged;
  }
  assert.deepEqual(downs, []);
  clock.advance(4_000);
  await until('it was given up', () => downs.length === 1);
});

test('closing while a connection is being made leaves nothing behind', async (t) => {
  const { client, clock, downs } = await link(t, () => undefined);
  await client.close();
  assert.deepEqual(downs, []);
  assert.deepEqual(clock.waiting(), []);
});
